"""When a trial's eval_loss is measured, and what that does to the trial."""

import math
from collections.abc import Callable

from sweeper.training.early_stopping import EarlyStopping
from sweeper.training.eval_loss import is_evaluated
from sweeper.training.slot import Slot


class Evaluation:
    """Measures one trial's eval_loss where it is due, and ends the trial where `stopping` says so.

    `measure` gives the eval_loss of the slot's adapter. Without `stopping` nothing comes of it but a value.
    """

    def __init__(self, slot: Slot, measure: Callable[[], float], stopping: EarlyStopping | None) -> None:
        self._slot, self._measure = slot, measure
        self.stopping = stopping

    def after_step(self) -> float | None:
        """The value after the step that was just taken, None where none is due. It may be no number."""
        slot = self._slot
        if not is_evaluated(slot.step, slot.total_steps, slot.config.eval_steps):
            return None
        value = self._measure()
        if self.stopping is not None and math.isfinite(value):
            if self.stopping.takes(slot.step, value):
                self.stopping.best_parameters = slot.copy_parameters()
            slot.has_ended_early = self.stopping.reason is not None and not slot.finished
        return value

    def put_best(self) -> None:
        """Gives a trial that has ended the adapter of its best evaluation, as load_best_model_at_end does."""
        if self.stopping is not None and self._slot.finished:
            self._slot.put_parameters(self.stopping.best_parameters)
