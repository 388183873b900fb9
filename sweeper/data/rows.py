"""Training rows as they stand in the user's file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """An instruction, what it is to be applied to (may be empty), and the wanted answer."""

    instruction: str
    input: str
    output: str
