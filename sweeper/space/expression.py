"""Expressions over a trial's parameters, as `expr`, `when` and `constraints` hold them: their values.

`read_expression` makes one of a text and refuses all that is not here.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sweeper.space.rules import LIMIT
from sweeper.space.scalar import Scalar

MAX_EXPONENT = 64


class NotComputableError(ValueError):
    """An expression has no value for these parameters; the message says why ("it divides by 0")."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression: its text, the parameters it names, and its syntax tree."""

    text: str
    names: frozenset[str]
    tree: ast.expr = field(compare=False, repr=False)

    def value(self, parameters: Mapping[str, Scalar | None]) -> Any:
        """Its value for a trial's parameters. Raises NotComputableError."""
        try:
            return _value(self.tree, parameters)
        except ZeroDivisionError:
            raise NotComputableError("it divides by 0") from None
        except OverflowError:
            raise NotComputableError(f"a number exceeds {LIMIT:g}") from None


def as_written(value: Scalar | None) -> Scalar | None:
    """A parameter's value as a space file writes it: all-linear is a text, not a list of one."""
    return "all-linear" if value == ("all-linear",) else value


def power(base: float, exponent: float) -> float:
    """base ** exponent within bounds. Raises NotComputableError."""
    if abs(exponent) > MAX_EXPONENT:
        raise NotComputableError(f"the exponent {exponent:g} exceeds {MAX_EXPONENT}")
    result = base**exponent
    if isinstance(result, complex):
        raise NotComputableError(f"{base:g} ** {exponent:g} is no real number")
    return float(result) if isinstance(result, float) else result


def _root(number: float) -> float:
    if number < 0:
        raise NotComputableError(f"sqrt({number:g}) is no real number")
    return math.sqrt(number)


def _log2(number: float) -> float:
    if number <= 0:
        raise NotComputableError(f"log2({number:g}) is no real number")
    return math.log2(number)


def _round(number: float, digits: int = 0) -> float:
    if digits != int(digits) or abs(digits) > 12:
        raise NotComputableError(f"round takes at most 12 digits, not {digits:g}")
    return round(number, int(digits)) if digits else round(number)


OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: power,
}

FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "min": (min, 2, 8),
    "max": (max, 2, 8),
    "round": (_round, 1, 2),
    "abs": (abs, 1, 1),
    "sqrt": (_root, 1, 1),
    "log2": (_log2, 1, 1),
}
"""Name → function, the fewest and the most arguments."""

COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, items: item in ((items,) if isinstance(items, str) else items),
    ast.NotIn: lambda item, items: item not in ((items,) if isinstance(items, str) else items),
}

TRUTHS = {"true": True, "false": False}
"""YAML's spelling, beside Python's."""


def _value(node: ast.expr, parameters: Mapping[str, Scalar | None]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return TRUTHS[name] if name in TRUTHS else as_written(parameters[name])
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return tuple(_value(item, parameters) for item in items)
        case ast.Compare():
            return _comparison(node, parameters)
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_value(part, parameters) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_value(part, parameters) for part in parts)
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            return _value(body if _value(test, parameters) else otherwise, parameters)
    return _calculation(node, parameters)


def _calculation(node: ast.expr, parameters: Mapping[str, Scalar | None]) -> Any:
    match node:
        case ast.BinOp(left=left, op=kind, right=right):
            result = OPERATORS[type(kind)](_value(left, parameters), _value(right, parameters))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, parameters)
        case ast.UnaryOp(op=kind, operand=operand):
            number = _value(operand, parameters)
            return -number if isinstance(kind, ast.USub) else number
        case ast.Call(func=ast.Name(id=name), args=arguments):
            result = FUNCTIONS[name][0](*(_value(argument, parameters) for argument in arguments))
        case _:
            raise AssertionError(f"read_expression lets no {type(node).__name__} through")
    if not abs(result) <= LIMIT:
        raise NotComputableError(f"a number exceeds {LIMIT:g}")
    return result


def _comparison(node: ast.Compare, parameters: Mapping[str, Scalar | None]) -> bool:
    left = _value(node.left, parameters)
    for kind, side in zip(node.ops, node.comparators, strict=True):
        right = _value(side, parameters)
        if not COMPARISONS[type(kind)](left, right):
            return False
        left = right
    return True
