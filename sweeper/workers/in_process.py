"""A worker in the driver's own process: for debugging and for tests."""

from sweeper.memory.plan import Cohort
from sweeper.workers.worker import Emit, WorkerFacts, WorkerSetup


class InProcessWorker:
    """Does the work as it is called. The base is loaded at the first call."""

    def __init__(self, setup: WorkerSetup) -> None:
        from sweeper.workers.workbench import Workbench

        self._bench = Workbench(setup)

    def facts(self) -> WorkerFacts:
        return self._bench.facts()

    def score_base(self, emit: Emit) -> None:
        self._bench.score_base(emit)

    def train(self, cohort: Cohort, emit: Emit) -> None:
        self._bench.train(cohort, emit)

    def close(self) -> None:
        """Nothing to end."""
