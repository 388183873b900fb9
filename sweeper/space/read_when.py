"""Reads what stands under `when`: an expression, or other parameters with the values they must have."""

from typing import Any

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.expression import Expression
from sweeper.space.read_expression import KINDS, read_condition
from sweeper.space.rules import ALL_LINEAR, check_value, example_of
from sweeper.space.suggest import did_you_mean
from sweeper.space.wording import shown


def read_when(raw: Any) -> Expression:
    """The condition under a parameter's `when`. Raises BrokenRule with the keys from there down.

    `{target_modules: all-linear}` and `{lora_rank: {values: [8, 16]}}` are read as the expressions
    that say the same; of several parameters all must have their values.
    """
    if not isinstance(raw, dict):
        return read_condition(raw)
    if not raw:
        raise BrokenRule("is empty", "Write for example `when: {lora_rank: 16}`")
    parts = [_one_of(name, value) for name, value in raw.items()]
    return read_condition(parts[0] if len(parts) == 1 else " and ".join(f"({part})" for part in parts))


def _one_of(name: str, raw: Any) -> str:
    """The text of a condition that `name` is the value written, or one of `{values: [...]}`."""
    if name not in KINDS:
        fix = did_you_mean(name, KINDS, "Name a parameter, as `when: {lora_rank: 16}`")
        raise BrokenRule("is no parameter", fix, (name,), at_key=True)
    if not isinstance(raw, dict):
        return _equal(name, raw, (name,))
    values = raw.get("values")
    if set(raw) != {"values"} or not isinstance(values, list) or not values:
        problem = f"is {shown(raw)}, must be a value or `{{values: [...]}}`"
        fix = f"Write for example `when: {name} >= {example_of(name)}` for a bound"
        raise BrokenRule(problem, fix if KINDS[name] == KINDS["lora_rank"] else "Write a value", (name,))
    return " or ".join(_equal(name, value, (name, "values", index)) for index, value in enumerate(values))


def _equal(name: str, raw: Any, at: tuple[str | int, ...]) -> str:
    try:
        value = check_value(name, raw)
    except BrokenRule as broken:
        raise broken.under(*at) from None
    if value == (ALL_LINEAR,):
        value = ALL_LINEAR
    return f"{name} == {list(value) if isinstance(value, tuple) else value!r}"
