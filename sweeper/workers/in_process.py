"""A worker in the driver's own process: for debugging and for tests."""

import threading

from sweeper.memory.plan import Cohort
from sweeper.workers.link import Link
from sweeper.workers.worker import Emit, WorkerFacts, WorkerSetup


class InProcessWorker:
    """Does the work as it is called. What it emits is logged when `emit` returns, so nothing is to settle."""

    def __init__(self, setup: WorkerSetup) -> None:
        from sweeper.workers.workbench import Workbench

        self._stop = threading.Event()
        self._bench = Workbench(setup, Link(should_stop=self._stop.is_set))

    def facts(self) -> WorkerFacts:
        return self._bench.facts()

    def score_base(self, emit: Emit) -> None:
        self._bench.score_base(emit)

    def train(self, cohort: Cohort, emit: Emit) -> None:
        self._bench.train(cohort, emit)

    def score_guard(self, trial: int, emit: Emit) -> None:
        self._bench.score_guard(trial, emit)

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        """Nothing to end."""
