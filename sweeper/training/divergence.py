"""When a loss that is still a number says that a trial is lost."""

import math
from collections import deque
from typing import Any

WINDOW_STEPS = 5
GROWTH = 3.0
"""Factor over the lowest mean so far. Losses of small batches scatter by less than that."""

WORSE_THAN_UNIFORM = 1.0
"""Nats beyond ln(vocabulary), which a model that knows nothing would lose at each token."""


def loss_ceiling(vocabulary_size: int) -> float:
    """A mean token loss, in nats, that no model which learns stays above."""
    return math.log(vocabulary_size) + WORSE_THAN_UNIFORM


class LossWatch:
    """Follows one trial's losses by their mean over the last WINDOW_STEPS steps.

    A trial diverges when that mean is above GROWTH times the lowest one so far and also above
    `ceiling`. The first step counts as a mean of its own, for no update has acted on it; so a learning
    rate that wrecks the model within the first window is seen at that window's end. One step's spike
    is not enough unless it is so high that it outweighs the rest of its window.
    """

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=WINDOW_STEPS)
        self._lowest: float | None = None

    def diverges(self, loss: float, ceiling: float) -> str | None:
        """Takes in one step's loss; gives the reason if the trial is lost. See `loss_ceiling`."""
        self._recent.append(loss)
        mean = sum(self._recent) / len(self._recent)
        self._lowest = mean if self._lowest is None else min(mean, self._lowest)
        bound = max(GROWTH * self._lowest, ceiling)
        if len(self._recent) < WINDOW_STEPS or mean <= bound:
            return None
        return (
            f"the loss diverges: mean of the last {WINDOW_STEPS} steps {mean:.3g}, "
            f"lowest so far {self._lowest:.3g}, bound {bound:.3g}"
        )

    def state(self) -> dict[str, Any]:
        return {"recent": list(self._recent), "lowest": self._lowest}

    def load_state(self, state: dict[str, Any]) -> None:
        self._recent.extend(state["recent"])
        self._lowest = state["lowest"]
