"""A prompt suite as the rest of sweeper sees it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt and the answer that is expected of it, to the letter (outer white space aside)."""

    id: str
    instruction: str
    input: str
    expected: str


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases that are answered greedily, up to `max_new_tokens` tokens, and scored by their mean."""

    name: str
    path: Path
    cases: tuple[Case, ...]
    max_new_tokens: int
