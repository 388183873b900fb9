"""Which base a trial's adapter was merged into, where it was trained on one in 4 bit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sweeper.models.precision import Precision
from sweeper.scoring.suite import Suite
from sweeper.space.objective import Objective

MergedInto = Literal["dequantised", "original"]


@dataclass(frozen=True, slots=True)
class Nf4Training:
    """How the base was held while the trial was trained, and what its merges are compared by: the search's
    `objective`, which names suites of `dev`, those that steer it first.

    `dequantised` is a folder that keeps .gguf bases as they are read for nf4.
    """

    precision: Precision
    dev: tuple[Suite, ...]
    objective: Objective
    dequantised: Path | None = None


@dataclass(frozen=True, slots=True)
class OnDev:
    """The search's objective, higher is better, and target_loss on the first dev suite, None where that
    expects nothing to the letter."""

    objective: float
    target_loss: float | None

    @property
    def rank(self) -> tuple[float, float]:
        return self.objective, -(self.target_loss or 0.0)


@dataclass(frozen=True, slots=True)
class MergeChoice:
    """What each merge came to on dev, and which one was taken."""

    taken: MergedInto
    dequantised: OnDev
    original: OnDev
