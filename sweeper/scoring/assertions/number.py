"""Whether the last number of an answer is the right one, as GSM8K's answers are read."""

import math
import re
from typing import Any

from sweeper.scoring.assertions.kind import (
    Asked,
    Context,
    Kind,
    Verdict,
    mapping,
    missing,
    number_in,
    verdict,
)
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.wording import shown

_MINUS = "\N{MINUS SIGN}"
_NUMBER = re.compile(
    rf"(?<![A-Za-z0-9_])[-{_MINUS}]?(?:\d{{1,3}}(?:,\d{{3}})+(?!\d)|\d+)(?:\.\d+)?(?:[eE][-+]?\d{{1,3}}(?!\w))?"
    r"|(?<![\w.])\.\d+"
)
"""With thousands' commas, a decimal point and an exponent. A dash counts as a minus where no digit or
letter stands before it, so 10-3 ends with 3."""


def last_number(text: str) -> float | None:
    """The number that stands last in `text`, or None. Percent and currency signs are passed over."""
    found = _NUMBER.findall(text)
    return float(found[-1].replace(",", "").replace(_MINUS, "-")) if found else None


def read_number(value: Any, context: Context) -> dict[str, float]:
    """A number, a text whose last number it is, or {number, tolerance}."""
    given = mapping(value, ("number", "tolerance")) if isinstance(value, dict) else {"number": value}
    tolerance = number_in(given, "tolerance", 0.0)
    number = given.get("number")
    if number is None:
        if not context.expected.strip():
            raise missing()
        number = context.expected
    read = last_number(number) if isinstance(number, str) else number
    if isinstance(read, bool) or not isinstance(read, (int, float)) or not math.isfinite(read):
        raise BrokenRule(f"is {shown(number)}, must be a number", "Write for example `value: 42`")
    return {"number": read, "tolerance": tolerance}


def number(asked: Asked, value: dict[str, float]) -> Verdict:
    """Right where the last number differs by the tolerance at most, rounding aside."""
    found, wanted = last_number(asked.answer), value["number"]
    if found is None:
        return Verdict(0.0, "holds no number")
    is_right = math.isclose(found, wanted, rel_tol=1e-9, abs_tol=value["tolerance"] * (1 + 1e-9))
    return verdict(
        is_right, f"the last number is {found:g}", f"the last number is {found:.12g}, not {wanted:.12g}"
    )


KINDS = {"number": Kind(read_number, number)}
