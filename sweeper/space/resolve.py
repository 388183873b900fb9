"""From what is drawn to the values of all parameters of a trial: conditions, computed ones, constraints."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.expression import Expression, NotComputableError
from sweeper.space.parameters import Choice, Computed, Conditional, Constant, Parameter, Range, Scalar, inner
from sweeper.space.rules import NUMBERS, check_value

Values = dict[str, Scalar | None]
"""A value for each parameter, by name."""

Choose = Callable[[str, Choice | Range], Scalar]
"""Gives the value of a parameter that is drawn. Asked for those that apply, and for no others."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why values are no trial: a constraint that does not hold, or else `reason`.

    With a `reason`, `expression` has no value, or one that its parameter may not have. `parameter`
    is the one it belongs to, None for a constraint's.
    """

    expression: Expression
    parameter: str | None
    reason: str | None = None


class CycleError(ValueError):
    """Parameters that depend on each other in a circle: `names`, each on the next, the first again last."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(" → ".join(names))


def dependencies(parameter: Parameter) -> frozenset[str]:
    """The parameters whose values must be known before this one's."""
    found: frozenset[str] = frozenset()
    if isinstance(parameter, Conditional):
        found |= parameter.when.names
    computed = inner(parameter)
    return found | computed.expression.names if isinstance(computed, Computed) else found


def in_order(parameters: Mapping[str, Parameter]) -> tuple[str, ...]:
    """The names, each after those it depends on, and else by the alphabet. Raises CycleError."""
    order: dict[str, None] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise CycleError((*path[path.index(name) :], name))
        if name not in order:
            for other in sorted(dependencies(parameters[name])):
                visit(other, (*path, name))
            order[name] = None

    for name in sorted(parameters):
        visit(name, ())
    return tuple(order)


def resolve(
    parameters: Mapping[str, Parameter],
    choose: Choose,
    constraints: Sequence[Expression] = (),
    order: Sequence[str] | None = None,
) -> tuple[Values, Fault | None]:
    """The values of a trial for which `choose` gives what is drawn, and what is wrong with them.

    Values are whole unless a fault of an expression cut them short. `order` is `in_order`'s, kept by
    a caller that asks often. Raises CycleError.
    """
    values: Values = {}
    for name in order if order is not None else in_order(parameters):
        try:
            values[name] = _value(name, parameters[name], choose, values)
        except NotComputableError as error:
            broken = _broken(constraints, values)  # a constraint may keep such values out
            return values, broken or Fault(_failed(parameters[name], values), name, str(error))
    return values, _broken(constraints, values)


def _value(name: str, parameter: Parameter, choose: Choose, values: Values) -> Scalar | None:
    if isinstance(parameter, Conditional):
        if not parameter.when.value(values):
            return parameter.otherwise
        parameter = parameter.parameter
    if isinstance(parameter, Constant):
        return parameter.value
    if isinstance(parameter, Computed):
        return _computed(name, parameter.expression, values)
    return choose(name, parameter)


def _failed(parameter: Parameter, values: Values) -> Expression:
    """Which of a parameter's expressions had no value."""
    computed = inner(parameter)
    if isinstance(parameter, Conditional):
        try:
            parameter.when.value(values)
        except NotComputableError:
            return parameter.when
    assert isinstance(computed, Computed), "nothing else can fail"
    return computed.expression


def _computed(name: str, expression: Expression, values: Values) -> Scalar:
    found = expression.value(values)
    rule = NUMBERS.get(name)
    if rule is not None and rule.integer and isinstance(found, float) and found.is_integer():
        found = int(found)
    try:
        return check_value(name, found)
    except BrokenRule as broken:
        fix = " (round(...) makes it whole)" if isinstance(found, float) and rule and rule.integer else ""
        problem = broken.problem.replace("is ", "gives ", 1)
        raise NotComputableError(f"it {problem}{fix}") from None


def _broken(constraints: Sequence[Expression], values: Values) -> Fault | None:
    """The first constraint that does not hold, of those whose parameters are all known."""
    for constraint in constraints:
        if not constraint.names <= values.keys():
            continue
        try:
            if constraint.value(values):
                continue
        except NotComputableError as error:
            return Fault(constraint, None, str(error))
        return Fault(constraint, None)
    return None
