"""How a search stops trials that look weak, as a space file says it."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

PrunerName = Literal["halving", "asha", "none"]


@dataclass(frozen=True, slots=True)
class PrunerSettings:
    """`rungs` are shares of a trial's own examples, rising, the last one 1.

    `wave` is how many trials are asked at once, before any of them trains.
    """

    type: PrunerName
    reduction_factor: int
    rungs: tuple[Fraction, ...]
    finalists: int
    wave: int

    @property
    def last_rung(self) -> int:
        return len(self.rungs) - 1


HALVING = PrunerSettings("halving", 3, (Fraction(1, 9), Fraction(1, 3), Fraction(1)), 2, 9)
"""The default. Two rounds of keeping one in three end with one of nine."""

TRAIN_ALL = PrunerSettings("none", 3, (Fraction(1),), 1, 1)
"""Every trial trains to its end, one asked after the other."""
