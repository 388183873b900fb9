"""Configurations to try first, as a space file's `baseline` names them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.expression import Expression
from sweeper.space.parameters import Choice, Computed, Conditional, Constant, Parameter, Range, Scalar, inner
from sweeper.space.read_expression import KINDS
from sweeper.space.rules import ALL_LINEAR, check_value, example_of
from sweeper.space.suggest import did_you_mean
from sweeper.space.survey import survey
from sweeper.space.wording import KeyPath, shown
from sweeper.space.yaml_file import YamlFile

Baseline = Mapping[str, Scalar]
"""Values of some parameters; the sampler draws the others."""


def read_entry(raw: dict[str, Any]) -> dict[str, Any]:
    """An entry of plain YAML data, each value by its parameter's rule. Raises BrokenRule."""
    if not raw:
        raise BrokenRule("is empty", "Write for example `{learning_rate: 2e-4}`")
    return {name: _read_value(name, value, raw) for name, value in raw.items()}


def _read_value(name: str, value: Any, entry: Mapping[str, Any]) -> Scalar:
    if name not in KINDS:
        known = [other for other in KINDS if other not in entry]
        fix = did_you_mean(name, known, "Name a parameter, as `learning_rate: 2e-4`")
        raise BrokenRule("is an unknown key", fix, (name,), at_key=True)
    if isinstance(value, dict):
        raise BrokenRule("is a mapping, must be one value", f"Write {example_of(name)}", (name,))
    try:
        return check_value(name, value)
    except BrokenRule as broken:
        raise broken.under(name) from None


def check_baseline(
    file: YamlFile,
    parameters: Mapping[str, Parameter],
    constraints: Sequence[Expression],
    entries: Sequence[Mapping[str, Any]],
) -> tuple[Baseline, ...]:
    """The entries without what is the same in every trial. Raises InputError, with the place, for one
    that lies outside the space, that breaks a constraint, and that was there before."""
    checked: list[Baseline] = []
    for index, entry in enumerate(entries):
        for name, value in entry.items():
            _check_inside(file, ("baseline", index, name), parameters[name], value)
        drawn = {name: value for name, value in entry.items() if parameters[name] != Constant(value)}
        if drawn in checked:
            raise file.error(("baseline", index), "is the same as one before it", "Remove one of the two")
        _check_possible(file, ("baseline", index), parameters, constraints, drawn)
        checked.append(drawn)
    return tuple(checked)


def _check_inside(file: YamlFile, key_path: KeyPath, parameter: Parameter, value: Scalar) -> None:
    name = key_path[-1]
    match inner(parameter):
        case Computed():
            raise file.error(key_path, "is computed from other parameters", "Leave it out")
        case Constant(value=constant) if constant != value:
            was = "not set" if constant is None else _plain(constant)
            problem = f"is {_plain(value)}, and in this space it is {was}"
            raise file.error(key_path, problem, f"Leave it out, or search {name} under parameters")
        case Choice(values=values) if value not in values:
            choices = ", ".join(_plain(each) for each in values)
            raise file.error(key_path, f"is {_plain(value)}, must be one of {choices}", f"Add it to {name}")
        case Range() as found if not _in_range(found, value):
            steps = f" in steps of {found.step:g}" if found.step is not None else ""
            problem = f"is {_plain(value)}, must be from {found.low:g} to {found.high:g}{steps}"
            raise file.error(key_path, problem, f"Widen {name} under parameters, or correct it")


def _in_range(parameter: Range, value: Scalar) -> bool:
    assert isinstance(value, (int, float)), "its rule has made sure of a number"
    if not parameter.low <= value <= parameter.high or (parameter.integer and value != int(value)):
        return False
    return parameter.step is None or _nearest(parameter, value) is not None


def _nearest(parameter: Range, value: float) -> Scalar | None:
    """The value of a range with a step that `value` is, rounding aside."""
    assert parameter.step is not None, "asked for ranges with a step only"
    index = round((value - parameter.low) / parameter.step)
    near = parameter.low + index * parameter.step
    return near if abs(near - value) <= 1e-9 * parameter.step else None


def _check_possible(
    file: YamlFile,
    key_path: KeyPath,
    parameters: Mapping[str, Parameter],
    constraints: Sequence[Expression],
    entry: Baseline,
) -> None:
    """Raises InputError where no trial has these values, all of them, and breaks no constraint."""
    if not constraints and not any(isinstance(each, Conditional) for each in parameters.values()):
        return
    found = survey(parameters, constraints, fixed=entry)
    applying = [point for point in found.points if entry.keys() <= point.drawn.keys()]
    if any(point.fault is None for point in applying):
        return
    if not applying:
        idle = next(name for name in entry if not any(name in point.drawn for point in found.points))
        condition = parameters[idle]
        assert isinstance(condition, Conditional), "all others are drawn in every trial"
        problem = f"does not apply here: its `when` is {condition.when.text}"
        raise file.error((*key_path, idle), problem, "Leave it out")
    fault = applying[0].fault
    assert fault is not None, "the points without a fault were looked for above"
    problem = f"breaks the constraint '{fault.expression.text}'"
    if fault.reason is not None:
        problem = f"cannot be trained: '{fault.expression.text}' cannot be used there, {fault.reason}"
    raise file.error(key_path, problem, "Change the entry or the constraint")


def _plain(value: Scalar) -> str:
    if not isinstance(value, tuple):
        return value if isinstance(value, str) else shown(value)
    text = value[0] if value == (ALL_LINEAR,) else f"[{', '.join(value)}]"
    return text if text.isprintable() else repr(text)
