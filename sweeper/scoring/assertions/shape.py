"""Assertions on an answer's form: how long it is, and whether it goes round in a loop."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sweeper.scoring.assertions.kind import Asked, Context, Kind, Verdict, mapping, number_in
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.wording import shown

_UNITS: Mapping[str, Callable[[str], int]] = {
    "characters": len,
    "words": lambda text: len(text.split()),
    "lines": lambda text: len(text.splitlines()),
}
_BOUNDS = tuple(f"{side}_{unit}" for unit in _UNITS for side in ("min", "max"))
_LONGEST_PERIOD = 64
_FEWEST_WORDS = 12
_LONGEST_WORD = 40
_MOST_WORDS = 5000


def read_length(value: Any, context: Context) -> dict[str, float]:
    """Bounds on characters, words and lines, both ends included."""
    bounds = mapping(value, _BOUNDS)
    if not bounds:
        raise BrokenRule(
            "is an empty mapping, must hold a bound", "Write for example `value: {max_words: 50}`"
        )
    read = {key: number_in(bounds, key, 50.0) for key in bounds}
    for unit in _UNITS:
        low, high = read.get(f"min_{unit}", 0), read.get(f"max_{unit}", float("inf"))
        if low > high:
            raise BrokenRule(f"is {low:g}, above max_{unit}", "Swap the two", (f"min_{unit}",))
    return read


def length(asked: Asked, value: dict[str, float]) -> Verdict:
    """Outer white space aside."""
    answer = asked.answer.strip()
    for key, bound in value.items():
        side, _, unit = key.partition("_")
        found = _UNITS[unit](answer)
        if found < bound if side == "min" else found > bound:
            return Verdict(0.0, f"has {found} {unit}, {side} {bound:g}")
    return Verdict(1.0, "within its bounds")


def read_times(value: Any, context: Context) -> int:
    times = 4 if value is None else value
    if isinstance(times, bool) or not isinstance(times, int) or times < 2:
        raise BrokenRule(
            f"is {shown(times)}, must be a whole number of at least 2", "Write for example `value: 4`"
        )
    return times


def no_repeat(asked: Asked, value: int) -> Verdict:
    """Wrong where the same words come `value` times in a row or more often, 12 words together at least.

    Words are parted by blanks; a longer one than 40 characters counts letter by letter, and so does a
    script without blanks. Loops of more than 64 words are not seen, nor what stands before the last
    5,000 words: an answer that has begun to loop does not stop.
    """
    words = [
        part for word in asked.answer.split() for part in (word if len(word) > _LONGEST_WORD else [word])
    ]
    for period in range(1, min(_LONGEST_PERIOD, len(words) // value) + 1):
        start, longest = _longest_run(words, period)
        times = longest // period
        if times >= value and longest >= _FEWEST_WORDS:
            block = " ".join(words[start : start + period])
            return Verdict(0.0, f"{shown(block)} comes {times} times in a row")
    return Verdict(1.0, "no loop")


def _longest_run(words: list[str], period: int) -> tuple[int, int]:
    """Where the longest stretch begins in which each word is the one `period` later, and its length."""
    same = "".join("1" if one == other else "0" for one, other in zip(words, words[period:], strict=False))
    runs = [(match.start(), match.end() - match.start() + period) for match in re.finditer("1+", same)]
    return max(runs, key=lambda run: run[1], default=(0, 0))


KINDS = {"length": Kind(read_length, length), "no-repeat": Kind(read_times, no_repeat)}
