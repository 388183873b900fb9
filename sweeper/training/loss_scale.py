"""A scale on a trial's loss, so that small gradients do not vanish in the range of float16."""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from torch import nn

INITIAL = 2.0**16
GROWTH_STEPS = 2000
"""As torch.amp.GradScaler: doubled after so many steps without overflow, halved by one with."""


class LossScale:
    """One slot's scale (Micikevicius et al. 2018, "Mixed Precision Training", arXiv 1710.03740).

    torch's GradScaler keeps its scale on the device and asks for all gradients again; here the norm,
    which is computed anyway, tells of an overflow. Scales are powers of two, so nothing is rounded.
    """

    def __init__(self) -> None:
        self.value = INITIAL
        self._steps = 0

    def unscale(self, parameters: Iterable[nn.Parameter]) -> None:
        """Takes the scale out of the gradients."""
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.div_(self.value)

    def allows(self, norm: float) -> bool:
        """Whether the step is to be taken, by the norm of its unscaled gradients; sets the next scale."""
        if not isfinite(norm):
            self.value /= 2
            self._steps = 0
            return False
        self._steps += 1
        if self._steps == GROWTH_STEPS:
            self.value *= 2
            self._steps = 0
        return True

    @property
    def is_spent(self) -> bool:
        """Whether gradients overflow without any scale: then the trial is lost."""
        return self.value < 1

    def state(self) -> dict[str, Any]:
        return {"value": self.value, "steps": self._steps}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.value, self._steps = state["value"], state["steps"]
