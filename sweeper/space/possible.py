"""Refuses a space whose expressions do not fit together, before anything is spent on it."""

from collections.abc import Mapping, Sequence

from sweeper.errors import InputError
from sweeper.space.expression import Expression, NotComputableError
from sweeper.space.parameters import Computed, Conditional, Constant, Parameter, inner
from sweeper.space.resolve import CycleError, Fault, Values, in_order
from sweeper.space.survey import Survey, survey
from sweeper.space.wording import KeyPath, count, shown
from sweeper.space.yaml_file import YamlFile


def check_possible(
    file: YamlFile, parameters: Mapping[str, Parameter], constraints: Sequence[Expression]
) -> None:
    """Raises InputError for a parameter that no trial has, a circle, an expression that some trial
    cannot compute, and constraints that no trial fulfils."""
    _check_names(file, parameters, constraints)
    _check_circle(file, parameters)
    if not constraints and not any(_depends(parameter) for parameter in parameters.values()):
        return
    found = survey(parameters, constraints)
    for point in found.points:
        if point.fault is not None and point.fault.reason is not None:
            raise _not_computable(file, parameters, constraints, point.fault, point.values)
    if not found.allowed:
        raise _unfulfilled(file, constraints, found)


def _depends(parameter: Parameter) -> bool:
    return isinstance(parameter, (Computed, Conditional))


def _expressions(
    parameters: Mapping[str, Parameter], constraints: Sequence[Expression]
) -> list[tuple[KeyPath, Expression]]:
    """All expressions with where they stand in the file."""
    found: list[tuple[KeyPath, Expression]] = []
    for name, parameter in parameters.items():
        if isinstance(parameter, Conditional):
            found.append((("parameters", name, "when"), parameter.when))
        computed = inner(parameter)
        if isinstance(computed, Computed):
            found.append((("parameters", name, "expr"), computed.expression))
    return found + [(("constraints", index), expression) for index, expression in enumerate(constraints)]


def _check_names(
    file: YamlFile, parameters: Mapping[str, Parameter], constraints: Sequence[Expression]
) -> None:
    for key_path, expression in _expressions(parameters, constraints):
        for name in sorted(expression.names):
            if parameters[name] == Constant(None):
                problem = f"names {name}, which no trial of this space has"
                raise file.error(key_path, problem, f"Give {name} a value, or leave it out here")


def _check_circle(file: YamlFile, parameters: Mapping[str, Parameter]) -> None:
    try:
        in_order(parameters)
    except CycleError as cycle:
        named = next(name for name in cycle.names if ("parameters", name) in file.values)
        problem = f"depends on itself: {cycle}"
        raise file.error(("parameters", named), problem, "Give one of them values of its own") from None


def _not_computable(
    file: YamlFile,
    parameters: Mapping[str, Parameter],
    constraints: Sequence[Expression],
    fault: Fault,
    values: Values,
) -> InputError:
    key_path = next(
        path for path, expression in _expressions(parameters, constraints) if expression is fault.expression
    )
    if key_path not in file.values:  # the pair's product, which stands nowhere
        key_path = ("parameters", "gradient_accumulation_steps")
    problem = f"cannot be used{_where(fault.expression, values)}: {fault.reason}"
    return file.error(key_path, problem, "Change it, or add a constraint that keeps such trials out")


def _where(expression: Expression, values: Values) -> str:
    """' where lora_rank is 8'; nothing for an expression without parameters."""
    given = [f"{name} is {_plain(values.get(name))}" for name in sorted(expression.names)]
    return f" where {' and '.join(given)}" if given else ""


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        text = ", ".join(value)
        return text if text.isprintable() else repr(text)
    return (
        f"{value:.6g}" if isinstance(value, float) else str(value) if isinstance(value, str) else shown(value)
    )


def _unfulfilled(file: YamlFile, constraints: Sequence[Expression], found: Survey) -> InputError:
    """The first constraint that holds in no trial in which those before it hold."""
    left = [point.values for point in found.points]
    for constraint in constraints:
        still = [values for values in left if _holds(constraint, values)]
        if not still:
            break
        left = still
    alone = not any(_holds(constraint, point.values) for point in found.points)
    trials = f"none of {count(len(found.points), 'trial')} drawn from this space"
    before = "" if alone else " in which those before it hold"
    problem = f"is '{constraint.text}', which holds in {'no trial of this space' if found.exact else trials}"
    names = " or ".join(sorted(constraint.names))
    fix = f"Loosen it, or widen {names}" if names else "Remove it"
    return file.error(("constraints", constraints.index(constraint)), problem + before, fix)


def _holds(constraint: Expression, values: Values) -> bool:
    try:
        return constraint.names <= values.keys() and bool(constraint.value(values))
    except NotComputableError:
        return False
