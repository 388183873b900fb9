"""One trial of a cohort as its worker trains it, and what it tells on the way."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sweeper.data.order import total_examples
from sweeper.events import RungReached, StepTrained, TrialDiverged, TrialStarted, ValidationLoss
from sweeper.memory.plan import PlannedTrial
from sweeper.models.precision import Precision
from sweeper.training.engine import StepResult
from sweeper.training.slot import Slot
from sweeper.workers.checkpointing import Checkpointing
from sweeper.workers.evaluation import Evaluation
from sweeper.workers.worker import Emit

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrialRun:
    """A planned trial with its slot and its checkpoint; `evaluation` where there are validation rows."""

    trial: PlannedTrial
    slot: Slot
    checkpointing: Checkpointing
    dropped_rows: int = 0
    evaluation: Evaluation | None = None
    precision: Precision = field(default_factory=Precision)

    def start(self, emit: Emit) -> None:
        """Goes to where the checkpoint is, if there is one that fits, and tells from where it trains."""
        if refusal := self.checkpointing.resume():
            _log.warning("trial %d begins anew: %s", self.trial.number, refusal)
        emit(
            TrialStarted(
                self.trial.number,
                time.time(),
                self.trial.attempt,
                self.trial.micro_batch_size,
                self.trial.gradient_accumulation_steps,
                self.slot.total_steps,
                total_examples(self.trial.config, len(self.slot.rows)),
                self.slot.step,
                self.dropped_rows,
                self.precision.dtype,
                self.precision.quantization,
                self.trial.predicted_bytes,
                self.trial.is_checkpointed,
            )
        )

    def after_step(self, result: StepResult, emit: Emit) -> bool:
        """Tells the step, its eval_loss, or the trial's end by divergence; saves where that is due.

        False where it has diverged.
        """
        is_number = math.isfinite(result.loss) and math.isfinite(result.grad_norm)
        value = self.evaluation.after_step() if self.evaluation and not result.divergence else None
        if is_number and (self._is_told(result.step) or result.divergence):
            emit(self._stepped(result))
        if result.divergence:
            self._diverged(result.step, result.divergence, emit)
            return False
        if value is not None and not self._evaluated(result.step, value, emit):
            return False
        self.checkpointing.after_step(emit)
        return True

    def _evaluated(self, step: int, value: float, emit: Emit) -> bool:
        """Tells an eval_loss. One that is no number ends a trial that would be stopped by it."""
        assert self.evaluation is not None, "there is a value"
        if math.isfinite(value):
            emit(ValidationLoss(self.trial.number, time.time(), step, self.slot.examples, value))
        elif self.evaluation.stopping is not None:
            self.slot.stop_step = step
            self._diverged(step, f"eval_loss at step {step} is {value}", emit)
            return False
        else:
            _log.warning("trial %d: eval_loss at step %d is %s", self.trial.number, step, value)
        return True

    def _is_told(self, step: int) -> bool:
        """Every `logging_steps` steps, and where the trial pauses or ends."""
        every = self.trial.config.logging_steps or 1
        return step % every == 0 or self.slot.finished or step == self.slot.stop_step

    def interrupt(self, emit: Emit) -> None:
        """Saves and trains no further."""
        self.checkpointing.save(emit)
        self.slot.stop_step = self.slot.step

    def pause(self, measure: Callable[[], float], emit: Emit) -> bool:
        """Saves, so that nothing after this can cost training, then measures and tells its rung.

        A trial at its end first gets the adapter that it is to keep. False where the trial turned out to
        have diverged.
        """
        if self.evaluation is not None:
            self.evaluation.put_best()
        self.checkpointing.save(emit)
        if self.trial.rung is None:
            return True
        value = measure()
        if not math.isfinite(value):
            self._diverged(self.slot.step, f"target_loss at step {self.slot.step} is {value}", emit)
            return False
        number, slot = self.trial.number, self.slot
        rung, examples = self.trial.rung, slot.examples
        emit(RungReached(number, time.time(), rung, slot.step, examples, value, slot.finished))
        return True

    def _stepped(self, result: StepResult) -> StepTrained:
        return StepTrained(
            self.trial.number,
            time.time(),
            result.step,
            self.slot.examples,
            self.slot.tokens,
            result.loss,
            result.learning_rate,
            result.grad_norm,
            self.slot.computed_tokens,
        )

    def _diverged(self, step: int, reason: str, emit: Emit) -> None:
        emit(TrialDiverged(self.trial.number, time.time(), step, reason))
        self.checkpointing.remove()
