"""The steps of a cohort, with what they held of memory, up to the one that gets none."""

import time
from collections.abc import Sequence

from sweeper.events import MemoryMeasured
from sweeper.memory.measure import PeakMeter
from sweeper.training.engine import Engine, StepResult
from sweeper.training.out_of_memory import is_out_of_memory, requested_bytes
from sweeper.workers.shortage import Shortage
from sweeper.workers.trial_run import TrialRun
from sweeper.workers.worker import Emit


class MeasuredSteps:
    """Goes through the steps of `runs`. When an allocation fails it ends, and `shortage` says so.

    What a cohort of several holds is no measure of any of them, so it is not told.
    """

    def __init__(self, engine: Engine, runs: Sequence[TrialRun]) -> None:
        self.shortage: Shortage | None = None
        self.open_runs = [run for run in runs if not run.slot.stopped]
        slots = [run.slot for run in self.open_runs]
        self._meter = PeakMeter(engine.model, slots)
        self._results = engine.train(slots)
        self._told_bytes = 0
        self._is_shared = len(self.open_runs) > 1

    def next(self) -> StepResult | None:
        """The next step that a slot has taken; None where none is left, or none can be taken."""
        self.open_runs = [run for run in self.open_runs if not run.slot.stopped]
        try:
            with self._meter.measuring():
                return next(self._results, None)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            held, asked = self._meter.holding_bytes, requested_bytes(error)
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            self.shortage = Shortage(reason, held + asked if held and asked else None, self._is_shared)
        return None  # and the error is gone, with all that its frames held

    def remove(self, run: TrialRun) -> None:
        """A trial that has ended: no shortage is told of it."""
        self.open_runs.remove(run)

    def tell(self, emit: Emit) -> None:
        """Tells the peak where it has grown."""
        peak = self._meter.peak_bytes
        if self._is_shared or peak is None or peak <= self._told_bytes or not self.open_runs:
            return
        self._told_bytes = peak
        trial = self.open_runs[0].trial
        emit(MemoryMeasured(trial.number, time.time(), trial.micro_batch_size, peak, trial.predicted_bytes))
