"""Reads what stands under one parameter: a constant, `{values}` or `{min, max, log}`."""

from typing import Any

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.parameters import Choice, Constant, Parameter, Range, Scalar
from sweeper.space.rules import CONSTANT_ONLY, NUMBERS, check_value, example_of
from sweeper.space.suggest import closest, did_you_mean
from sweeper.space.wording import shown

_RANGE_KEYS = ("min", "max", "log")


def read_parameter(name: str, raw: Any) -> Parameter:
    """The parameter `name` from plain YAML data. Raises BrokenRule with the keys down to the fault."""
    if not isinstance(raw, dict):
        return Constant(check_value(name, raw))
    if name in CONSTANT_ONLY:
        raise BrokenRule("is the same in every trial, it cannot be searched", f"Write {example_of(name)}")
    keys = {closest(key, (*_RANGE_KEYS, "values")) for key in raw}
    if "values" in keys and not keys.intersection(_RANGE_KEYS):
        return _choice(name, raw)
    if not keys - {None}:
        raise BrokenRule("holds neither values nor min and max", "Write `{values: [...]}` or a plain value")
    if name not in NUMBERS:
        raise BrokenRule("is no number, so it cannot be a range", "Write `{values: [...]}`")
    if "values" in raw:
        raise BrokenRule("is both a choice and a range", "Keep either values, or min and max", at_key=True)
    return _range(name, raw)


def _choice(name: str, raw: dict[str, Any]) -> Choice:
    _refuse_unknown_keys(raw, ("values",))
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
    _refuse_unknown_keys(raw, _RANGE_KEYS)
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
    return Range(low, high, log, integer)


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
