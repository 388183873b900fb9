"""Scores an answer by one assertion as a suite would: the value read first, then the answer scored."""

from pathlib import Path
from typing import Any

from sweeper.scoring.assertions.kind import Asked, Context, Verdict
from sweeper.scoring.assertions.registry import ASSERTIONS


def verdict_of(kind: str, value: Any, answer: str, expected: str = "") -> Verdict:
    read = ASSERTIONS[kind].read(value, Context(expected, Path(), allow_code=True))
    return ASSERTIONS[kind].score(Asked(answer, "prompt", expected), read)


def score_of(kind: str, value: Any, answer: str, expected: str = "") -> float:
    return verdict_of(kind, value, answer, expected).score
