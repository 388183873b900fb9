"""Follows one trial's eval_loss: which of its adapters is the best, and when there is no more to gain."""

from typing import Any

import torch

from sweeper.space.early_stopping import EarlyStoppingSettings


class EarlyStopping:
    """Patience as transformers' EarlyStoppingCallback counts it, an overfit stop beside it.

    An evaluation counts against `patience` unless it lies below the lowest value before it by more than
    `threshold`. The lowest value itself, whose adapter is kept, may come by less.

    Example:
        stopping = EarlyStopping(EarlyStoppingSettings(patience=2))
        for step, value in measured:
            if stopping.takes(step, value):
                best = slot.copy_parameters()
            if stopping.reason:
                break
    """

    def __init__(self, settings: EarlyStoppingSettings) -> None:
        self._settings = settings
        self.best_value: float | None = None
        self.best_step = 0
        self.best_parameters: list[torch.Tensor] = []
        """On the CPU; put there by whoever was told that an evaluation is the best."""
        self.reason: str | None = None
        """Why the trial is to end, once it is."""
        self._without_gain = 0

    def takes(self, step: int, value: float) -> bool:
        """Takes in one evaluation, a finite number; true where it is the best so far."""
        before = self.best_value
        if before is None or before - value > self._settings.threshold:
            self._without_gain = 0
        else:
            self._without_gain += 1
        is_best = before is None or value < before
        if is_best:
            self.best_value, self.best_step = value, step
        self.reason = self._reason(step, value)
        return is_best

    def _reason(self, step: int, value: float) -> str | None:
        assert self.best_value is not None, "an evaluation was taken in"
        best = f"its best, {self.best_value:.4g} at step {self.best_step}"
        patience, overfit = self._settings.patience, self._settings.overfit
        if overfit is not None and value > (1 + overfit) * self.best_value:
            share = f"{100 * overfit:.3g} %"
            return f"overfit: eval_loss {value:.4g} at step {step} is more than {share} above {best}"
        if patience is not None and self._without_gain >= patience:
            return f"patience: no gain in eval_loss for {self._without_gain} evaluations, after {best}"
        return None

    def state(self) -> dict[str, Any]:
        """What `load_state` goes on from; shares the tensors, which are never changed in place."""
        return {
            "best_value": self.best_value,
            "best_step": self.best_step,
            "best_parameters": self.best_parameters,
            "reason": self.reason,
            "without_gain": self._without_gain,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave under the same settings."""
        self.best_value, self.best_step = state["best_value"], state["best_step"]
        self.best_parameters, self.reason = state["best_parameters"], state["reason"]
        self._without_gain = state["without_gain"]
