"""How right an answer is, from 0 to 1."""

from collections.abc import Callable


def equals(answer: str, expected: str) -> float:
    """1 if the answer is the expected one to the letter, outer white space aside; else 0."""
    return float(answer.strip() == expected.strip())


SCORERS: dict[str, Callable[[str, str], float]] = {"equals": equals}
"""By the name that a suite calls them."""
