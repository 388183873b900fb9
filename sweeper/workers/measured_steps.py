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

    What a cohort of several holds is told to each of them as what it is, beside `predicted_bytes` of all.
    """

    def __init__(self, engine: Engine, runs: Sequence[TrialRun], predicted_bytes: int | None = None) -> None:
        self.shortage: Shortage | None = None
        self.open_runs = [run for run in runs if not run.slot.stopped]
        slots = [run.slot for run in self.open_runs]
        self._meter = PeakMeter(engine.model, slots)
        self._results = engine.train(slots)
        self._told_bytes = 0
        self._cohort = len(self.open_runs)
        self._predicted_bytes = predicted_bytes

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
            self.shortage = Shortage(reason, held + asked if held and asked else None, self._cohort > 1)
        return None  # and the error is gone, with all that its frames held

    def remove(self, run: TrialRun) -> None:
        """A trial that has ended: no shortage is told of it."""
        self.open_runs.remove(run)

    def tell(self, emit: Emit) -> None:
        """Tells the peak where it has grown."""
        peak = self._meter.peak_bytes
        if peak is None or peak <= self._told_bytes:
            return
        self._told_bytes = peak
        for trial in (run.trial for run in self.open_runs):
            predicted = trial.predicted_bytes if self._cohort == 1 else self._predicted_bytes
            size, now = trial.micro_batch_size, time.time()
            emit(MemoryMeasured(trial.number, now, size, peak, predicted, self._cohort))
