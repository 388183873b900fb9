"""Reads what stands under one parameter: a constant, `{values}`, `{min, max, log, step}` or `{expr}`.

All but a constant may hold `when` and `otherwise` beside it.
"""

from decimal import Decimal
from typing import Any

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.expression import Expression
from sweeper.space.parameters import Choice, Computed, Conditional, Constant, Parameter, Range, Scalar
from sweeper.space.read_expression import read_expression
from sweeper.space.read_when import read_when
from sweeper.space.rules import (
    CONSTANT_ONLY,
    LIMIT,
    NUMBERS,
    OPTIONAL,
    check_constant,
    check_value,
    example_of,
)
from sweeper.space.suggest import closest, did_you_mean
from sweeper.space.trial_config import DEFAULTS
from sweeper.space.wording import is_number, shown

_RANGE_KEYS = ("min", "max", "log", "step")
_MOST_STEPS = 1_000_000
_CONDITION_KEYS = ("when", "otherwise")


def read_parameter(name: str, raw: Any) -> Parameter:
    """The parameter `name` from plain YAML data. Raises BrokenRule with the keys down to the fault."""
    if not isinstance(raw, dict):
        return Constant(check_constant(name, raw))
    if name in CONSTANT_ONLY:
        raise BrokenRule(
            "is the same in every trial, it cannot be searched", f"Write for example {example_of(name)}"
        )
    bare = {key: value for key, value in raw.items() if key not in _CONDITION_KEYS}
    parameter = _read_bare(name, bare, raw)
    if "when" in raw:
        return Conditional(parameter, _when(raw["when"]), _otherwise(name, raw))
    if "otherwise" in raw:
        raise BrokenRule("stands without when", "Add `when: ...` or remove it", ("otherwise",), at_key=True)
    return parameter


def _read_bare(name: str, bare: dict[str, Any], raw: dict[str, Any]) -> Choice | Range | Computed:
    keys = {closest(key, (*_RANGE_KEYS, "values", "expr", *_CONDITION_KEYS)) for key in bare}
    if "expr" in keys:
        _refuse_unknown_keys(raw, ("expr", *_CONDITION_KEYS))
        try:
            return Computed(read_expression(name, raw["expr"]))
        except BrokenRule as broken:
            raise broken.under("expr") from None
    if "values" in keys and not keys.intersection(_RANGE_KEYS):
        return _choice(name, raw)
    if not keys - {None}:
        raise BrokenRule(
            "holds neither values nor min and max nor expr", "Write `{values: [...]}` or a plain value"
        )
    if name not in NUMBERS:
        raise BrokenRule("is no number, so it cannot be a range", "Write `{values: [...]}`")
    if "values" in raw:
        raise BrokenRule("is both a choice and a range", "Keep either values, or min and max", at_key=True)
    return _range(name, raw)


def _when(raw: Any) -> Expression:
    try:
        return read_when(raw)
    except BrokenRule as broken:
        raise broken.under("when") from None


def _otherwise(name: str, raw: dict[str, Any]) -> Scalar | None:
    """What the parameter is where its condition does not hold: what the file says, or its default."""
    if "otherwise" in raw:
        return _check_at(name, raw["otherwise"], "otherwise")
    if name in OPTIONAL and name != "num_train_epochs":
        problem = "is missing: where `when` does not hold, this parameter has no default"
        raise BrokenRule(problem, f"Add it, for example `otherwise: {example_of(name)}`", ("otherwise",))
    default: Scalar | None = DEFAULTS[name]
    return default


def _choice(name: str, raw: dict[str, Any]) -> Choice:
    _refuse_unknown_keys(raw, ("values", *_CONDITION_KEYS))
    values = raw["values"]
    if not isinstance(values, list) or not values:
        fix = f"Write for example `values: [{example_of(name)}]`"
        raise BrokenRule(f"is {shown(values)}, must be a list of values", fix, ("values",))
    checked: list[Scalar] = []
    for index, value in enumerate(values):
        one = _check_at(name, value, "values", index)
        if one in checked:
            raise BrokenRule("is the same as one before it", "Remove one of the two", ("values", index))
        checked.append(one)
    return Choice(tuple(checked))


def _range(name: str, raw: dict[str, Any]) -> Range:
    _refuse_unknown_keys(raw, (*_RANGE_KEYS, *_CONDITION_KEYS))
    for key in ("min", "max"):
        if key not in raw:
            raise BrokenRule("is missing", f"Add it, for example `{key}: {example_of(name)}`", (key,))
    log = raw.get("log", False)
    if not isinstance(log, bool):
        raise BrokenRule(f"is {shown(log)}, must be true or false", "Write `log: true`", ("log",))
    if log and raw["min"] == 0:
        raise BrokenRule("is 0, must be greater than 0 where log is true", "Raise it or remove log", ("min",))
    low, high = _check_number_at(name, raw["min"], "min"), _check_number_at(name, raw["max"], "max")
    if low >= high:
        raise BrokenRule(
            f"is {shown(raw['max'])}, must be greater than min",
            "Swap min and max, or write a constant",
            ("max",),
        )
    integer = NUMBERS[name].integer or (name == "warmup_steps" and _counts_steps(raw["min"], raw["max"]))
    return Range(low, high, log, integer, _step(raw, low, high, integer))


def _step(raw: dict[str, Any], low: float, high: float, integer: bool) -> float | None:
    """The step of a range: max is min plus a whole number of them."""
    if "step" not in raw:
        return None
    step = raw["step"]
    _check_step(step, low, high, integer)
    if raw.get("log", False):
        problem = "excludes log: steps on a log scale are not equal"
        raise BrokenRule(problem, "Remove one of the two, or write `{values: [...]}`", ("step",), at_key=True)
    span = Decimal(str(high)) - Decimal(str(low))  # as written, and as Optuna counts
    if Decimal(str(step)) > span:
        problem = f"is {shown(step)}, must be at most max - min"
        raise BrokenRule(problem, "Write a smaller step, or `{values: [...]}`", ("step",))
    if not integer and Decimal(str(step)) * _MOST_STEPS < span:
        problem = f"is {shown(step)}, which makes more than {_MOST_STEPS:,} values"
        raise BrokenRule(problem, "Write a larger step, or leave it out", ("step",))
    if rest := span % Decimal(str(step)):
        problem = f"is {shown(raw['max'])}, must be min plus a whole number of steps of {step:g}"
        raise BrokenRule(problem, f"Write `max: {float(Decimal(str(high)) - rest):.12g}`", ("max",))
    return float(step) if not integer else int(step)


def _check_step(step: Any, low: float, high: float, integer: bool) -> None:
    is_such = isinstance(step, int if integer else (int, float)) and not isinstance(step, bool)
    if is_such and 0 < step <= LIMIT:
        return
    kind = "a whole number greater than 0" if integer else "a number greater than 0"
    numeral = isinstance(step, str) and is_number(step)
    example = f"Write for example `step: {1 if integer else (high - low) / 10:.3g}`"
    fix = f"Write {step.strip()} without quotes" if numeral else example
    raise BrokenRule(f"is {shown(step)}, must be {kind}", fix, ("step",))


def _counts_steps(low: float, high: float) -> bool:
    """Whether a range of warmup_steps is of whole steps; else it is of shares."""
    if high < 1:
        return False
    if low != int(low) or high == 1:
        problem = "makes a range of both shares (below 1) and whole steps (from 1 on)"
        raise BrokenRule(problem, "For shares write a max below 1, for steps whole numbers", ("max",))
    return True


def _check_number_at(name: str, value: Any, key: str) -> float:
    checked = _check_at(name, value, key)
    assert isinstance(checked, (int, float)), "the caller asks for parameters of NUMBERS only"
    return checked


def _check_at(name: str, value: Any, *at: str | int) -> Scalar:
    try:
        return check_value(name, value)
    except BrokenRule as broken:
        raise broken.under(*at) from None


def _refuse_unknown_keys(raw: dict[str, Any], known: tuple[str, ...]) -> None:
    for key in raw:
        if key not in known:
            missing = [other for other in known if other not in raw]
            fix = did_you_mean(key, missing, f"Known keys here: {', '.join(known)}")
            raise BrokenRule("is an unknown key", fix, (key,), at_key=True)
