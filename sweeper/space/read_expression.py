"""Reads an expression: parsed by Python's `ast`, and refused whole for a node that is not listed here.

Nothing is ever evaluated by Python itself. Each part has a kind, so a comparison of a number with a
text is told when the file is read, not when a trial is asked.
"""

import ast
import warnings
from collections.abc import Callable
from typing import Any

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.expression import COMPARISONS, FUNCTIONS, OPERATORS, TRUTHS, Expression
from sweeper.space.rules import LIMIT, NAMES, NUMBERS, SWITCHES, check_value
from sweeper.space.suggest import did_you_mean
from sweeper.space.wording import shown

_MAX_LENGTH = 400
_MAX_DEPTH = 30

NUMBER, TRUTH, TEXT, LIST, MODULES = "a number", "true or false", "a text", "a list", "modules"
"""Kinds of values; MODULES is a target_modules, which is all-linear or a list."""

KINDS: dict[str, str] = {
    **dict.fromkeys(NUMBERS, NUMBER),
    **dict.fromkeys(SWITCHES, TRUTH),
    **dict.fromkeys(NAMES, TEXT),
    "target_modules": MODULES,
}
"""The kind of each parameter."""

_EQUAL_KINDS = {(MODULES, TEXT), (TEXT, MODULES), (MODULES, LIST), (LIST, MODULES)}


def read_condition(text: Any) -> Expression:
    """An expression that is true or false. Raises BrokenRule."""
    return _read(text, (TRUTH,), "`lora_alpha >= lora_rank`")


def read_expression(name: str, text: Any) -> Expression:
    """An expression that gives a value of the parameter `name`. Raises BrokenRule."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        problem = f"is {text}, must be an expression over other parameters"
        raise BrokenRule(problem, f"For one value in every trial write `{name}: {text}`")
    wanted = (TEXT, LIST, MODULES) if KINDS[name] == MODULES else (KINDS[name],)
    return _read(text, wanted, "`2 * lora_rank`")


def _read(text: Any, wanted: tuple[str, ...], example: str) -> Expression:
    if not isinstance(text, str) or not text.strip():
        raise BrokenRule(f"is {shown(text)}, must be an expression", f"Write for example {example}")
    text = " ".join(text.split("\n")).strip()
    if not text.isprintable():
        raise BrokenRule(f"is {shown(text)}, with a character that is none of an expression's", "Remove it")
    if len(text) > _MAX_LENGTH:
        raise BrokenRule(f"has {len(text)} characters, must have at most {_MAX_LENGTH}", "Shorten it")
    tree = _parsed(text, example)
    reader = _Reader(text)
    kind = reader.kind(tree)
    if kind not in wanted:
        rule = " or ".join(dict.fromkeys("a list" if each == MODULES else each for each in wanted))
        raise BrokenRule(
            f"is {shown(text)}, which gives {kind}, must give {rule}", f"Write for example {example}"
        )
    return Expression(text, frozenset(reader.names), tree)


def _parsed(text: str, example: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        place = f" (character {error.offset})" if error.offset and error.offset <= len(text) else ""
        fix = "Compare with ==" if _assigns(text) else f"Write for example {example}"
        raise BrokenRule(f"is {shown(text)}, which is no expression{place}", fix) from None
    except (ValueError, RecursionError, MemoryError):
        raise BrokenRule(
            f"is {shown(text)}, which is no expression", f"Write for example {example}"
        ) from None


def _assigns(text: str) -> bool:
    """Whether a single = stands where a comparison was meant."""
    bare = text
    for comparison in ("==", "<=", ">=", "!="):
        bare = bare.replace(comparison, "")
    return "=" in bare


class _Reader:
    """Goes through a tree once: the kind of each node, and the parameters that are named."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()

    def kind(self, node: ast.expr, depth: int = 0) -> str:
        """The kind of a node's value. Raises BrokenRule for a node that has no place here."""
        if depth > _MAX_DEPTH:
            raise self._error(node, "is nested too deeply", "Write it simpler")
        read = _NODES.get(type(node))
        if read is None:
            raise self._unknown(node)
        return read(self, node, depth)

    def _unknown(self, node: ast.expr) -> BrokenRule:
        known = "parameters, + - * / // % **, comparisons, and, or, not, in, x if y else z"
        return self._error(
            node, "has no place in an expression", f"Known are {known}, {', '.join(FUNCTIONS)}"
        )

    def _calculation(self, node: ast.BinOp, depth: int) -> str:
        if type(node.op) not in OPERATORS:
            raise self._unknown(node)
        self._all((node.left, node.right), NUMBER, depth)
        return NUMBER

    def _sign_or_not(self, node: ast.UnaryOp, depth: int) -> str:
        if isinstance(node.op, ast.Invert):
            raise self._unknown(node)
        kind = TRUTH if isinstance(node.op, ast.Not) else NUMBER
        self._all((node.operand,), kind, depth)
        return kind

    def _joined(self, node: ast.BoolOp, depth: int) -> str:
        self._all(node.values, TRUTH, depth)
        return TRUTH

    def _all(self, nodes: list[ast.expr] | tuple[ast.expr, ...], wanted: str, depth: int) -> None:
        for node in nodes:
            found = self.kind(node, depth + 1)
            if found != wanted:
                fix = "Compare it, as in `lora_rank > 8`" if wanted == TRUTH else "Take a number"
                raise self._error(node, f"is {found}, must be {wanted} here", fix)

    def _literal(self, node: ast.Constant, depth: int) -> str:
        if isinstance(node.value, bool):
            return TRUTH
        if isinstance(node.value, (int, float)):
            if not node.value <= LIMIT:
                raise self._error(node, f"exceeds {LIMIT:g}", "Write a smaller number")
            return NUMBER
        if isinstance(node.value, str):
            return TEXT
        raise self._error(node, "has no place in an expression", "Write a number, true, false or a text")

    def _name(self, node: ast.Name, depth: int) -> str:
        if node.id in TRUTHS:
            return TRUTH
        if node.id in FUNCTIONS:
            raise self._error(node, "is a function", f"Write {node.id}(...)")
        if node.id not in KINDS:
            fix = did_you_mean(node.id, KINDS, "Put a text in quotes; parameters are in docs/space.md")
            raise self._error(node, "is no parameter", fix)
        self.names.add(node.id)
        return KINDS[node.id]

    def _list(self, node: ast.List | ast.Tuple, depth: int) -> str:
        for item in node.elts:
            if not isinstance(item, ast.Constant):
                raise self._error(item, "must be a number or a text in a list", "Write values only")
            self._literal(item, depth)
        return LIST

    def _either(self, node: ast.IfExp, depth: int) -> str:
        self._all((node.test,), TRUTH, depth)
        kind, other = self.kind(node.body, depth + 1), self.kind(node.orelse, depth + 1)
        if kind != other and (kind, other) not in _EQUAL_KINDS:
            raise self._error(node.orelse, f"is {other}, must be {kind} as before else", "Take one kind")
        return kind

    def _call(self, node: ast.Call, depth: int) -> str:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS:
            fix = did_you_mean(name, FUNCTIONS, f"Known are {', '.join(FUNCTIONS)}")
            raise self._error(node.func, "is no function", fix)
        _, fewest, most = FUNCTIONS[name]
        if node.keywords or not fewest <= len(node.args) <= most:
            span = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            numbers = "number" if most == 1 else "numbers"
            raise self._error(node, f"must have {span} {numbers} in its brackets", "Correct the brackets")
        self._all(node.args, NUMBER, depth)
        return NUMBER

    def _comparison(self, node: ast.Compare, depth: int) -> str:
        sides = [node.left, *node.comparators]
        kinds = [self.kind(side, depth + 1) for side in sides]
        for index, operation in enumerate(node.ops):
            if type(operation) not in COMPARISONS:
                raise self._error(sides[index + 1], "is compared by `is`", "Write == or !=")
            self._comparable(operation, sides[index : index + 2], kinds[index : index + 2])
        return TRUTH

    def _comparable(self, operation: ast.cmpop, sides: list[ast.expr], kinds: list[str]) -> None:
        left, right = kinds
        if isinstance(operation, (ast.In, ast.NotIn)):
            if right not in (LIST, MODULES) or left in (LIST, TRUTH):
                raise self._error(sides[1], f"is {right}, must be a list after `in`", "Write [..., ...]")
            items = sides[1].elts if isinstance(sides[1], (ast.List, ast.Tuple)) else []
            for item in items:
                self._same_kind(sides[0], left, item)
            return
        if isinstance(operation, (ast.Eq, ast.NotEq)):
            if left != right and (left, right) not in _EQUAL_KINDS:
                raise self._error(sides[1], f"is {right}, and is compared with {left}", "Compare like kinds")
            self._possible(sides[0], sides[1])
            self._possible(sides[1], sides[0])
            return
        for side, kind in zip(sides, kinds, strict=True):
            if kind != NUMBER:
                raise self._error(side, f"is {kind}, must be a number here", "Compare it with ==")

    def _same_kind(self, asked: ast.expr, kind: str, item: ast.expr) -> None:
        found = self.kind(item)
        if found != kind and kind != MODULES:
            raise self._error(item, f"is {found}, and is compared with {kind}", "Compare like kinds")
        self._possible(asked, item)

    def _possible(self, side: ast.expr, other: ast.expr) -> None:
        """Refuses a text that its parameter can never be: `lr_scheduler_type == 'cosin'`."""
        if not isinstance(side, ast.Name) or KINDS.get(side.id) not in (TEXT, MODULES):
            return
        if isinstance(other, (ast.Constant, ast.List, ast.Tuple)):
            value = ast.literal_eval(other)
            try:
                check_value(side.id, list(value) if isinstance(value, tuple) else value)
            except BrokenRule as broken:
                raise self._error(other, broken.problem, broken.fix) from None

    def _error(self, node: ast.AST, problem: str, fix: str) -> BrokenRule:
        line = self.text.encode()
        start: int = getattr(node, "col_offset", 0)
        end: int = getattr(node, "end_col_offset", None) or len(line)
        piece = line[start:end].decode()
        place = len(line[:start].decode()) + 1
        short = piece if len(piece) <= 40 else f"{piece[:36]}..."
        quoted = f"`{short}`" if short.isprintable() else repr(short)
        return BrokenRule(f"holds {quoted} at character {place}, which {problem}", fix)


_NODES: dict[type[ast.expr], Callable[[_Reader, Any, int], str]] = {
    ast.Constant: _Reader._literal,
    ast.Name: _Reader._name,
    ast.List: _Reader._list,
    ast.Tuple: _Reader._list,
    ast.BinOp: _Reader._calculation,
    ast.UnaryOp: _Reader._sign_or_not,
    ast.BoolOp: _Reader._joined,
    ast.Compare: _Reader._comparison,
    ast.IfExp: _Reader._either,
    ast.Call: _Reader._call,
}
"""All that may stand in an expression."""
