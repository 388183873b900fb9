"""Regular expressions, with an end to each search.

By the `regex` package, which takes the syntax of Python's re and can give up after a time; re itself
cannot be stopped, and `(a|a)*b` on thirty letters would hold a trial for minutes.
"""

from typing import Any

import regex

from sweeper.scoring.assertions.kind import Asked, Context, Kind, Verdict, text, verdict
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.wording import shown

TIMEOUT_SECONDS = 1.0


def read_pattern(value: Any, context: Context) -> str:
    pattern = text(value, context)
    try:
        regex.compile(pattern)
    except regex.error as error:
        where = f" at character {error.pos + 1}" if error.pos is not None else ""
        problem = f"is {shown(pattern)}, which is no regular expression ({error.msg}{where})"
        raise BrokenRule(problem, "Correct it, or use `contains` for plain text") from None
    return pattern


def matches(asked: Asked, value: str) -> Verdict:
    """Whether the pattern is found anywhere in the answer."""
    try:
        found = regex.search(value, asked.answer, timeout=TIMEOUT_SECONDS)
    except TimeoutError:
        return Verdict(0.0, f"{shown(value)} was still searching after {TIMEOUT_SECONDS:g} s")
    if found is None:
        return Verdict(0.0, f"{shown(value)} is nowhere in it")
    return verdict(True, f"matches at {shown(found.group())}", "")


KINDS = {"regex": Kind(read_pattern, matches)}
