"""A worker that sleeps in place of training, so that a thousand trials take minutes."""

import hashlib
import threading
import time
from typing import ClassVar

from sweeper.data.order import total_examples, total_steps
from sweeper.events import (
    BASE_TRIAL,
    CaseAnswer,
    RungReached,
    StepTrained,
    SuiteScored,
    TrialCompleted,
    TrialStarted,
)
from sweeper.home import SweepFolder
from sweeper.memory.plan import Cohort, PlannedTrial
from sweeper.space.trial_config import TrialConfig
from sweeper.workers.worker import Emit, WorkerFacts, WorkerSetup

ROWS = 72


class SimulatedWorker:
    """Tells what a real one would: each step, rungs, scores, ends. What a trial comes to hangs on its
    parameters alone, and so does how long it takes: `trial_seconds` from its first step to its last."""

    trial_seconds: ClassVar[float] = 2.0

    def __init__(self, setup: WorkerSetup) -> None:
        self.setup, self.folder = setup, SweepFolder(setup.sweep_folder)
        self.steps: dict[int, int] = {}
        self._stop = threading.Event()

    def facts(self) -> WorkerFacts:
        return WorkerFacts((20,) * ROWS, (10,) * ROWS, ("model.layers.0.self_attn.q_proj",))

    def score_base(self, emit: Emit) -> None:
        self._score(BASE_TRIAL, 0.25, emit)

    def score_guard(self, trial: int, emit: Emit) -> None:
        raise NotImplementedError("the space asks for no guard")

    def train(self, cohort: Cohort, emit: Emit) -> None:
        for planned in cohort.trials:
            self._train_one(planned, emit)

    def _train_one(self, planned: PlannedTrial, emit: Emit) -> None:
        number, total = planned.number, total_steps(planned.config, ROWS)
        first = self._saved_step(number)
        stop = total if planned.stop_step is None else planned.stop_step
        examples = total_examples(planned.config, ROWS)
        emit(TrialStarted(number, time.time(), planned.attempt, 1, 1, total, examples, first))
        began = time.monotonic()
        for step in range(first + 1, stop + 1):
            due = began + (step - first) / total * self.trial_seconds
            self._stop.wait(max(0.0, due - time.monotonic()))
            seen = min(step * planned.config.effective_batch_size, examples)
            emit(StepTrained(number, time.time(), step, seen, seen * 20, 1 / step, 1e-4, 1.0))
        self._checkpoint(number, stop)
        assert planned.rung is not None
        loss = _unit(planned.config)
        emit(RungReached(number, time.time(), planned.rung, stop, seen, loss + 1 / stop, stop == total))
        if stop == total:
            self._score(number, round(1 - loss, 2), emit)
            adapter = f"trials/{number:04d}/adapter"
            emit(TrialCompleted(number, time.time(), 1 - loss, adapter, self.trial_seconds))

    def _score(self, number: int, score: float, emit: Emit) -> None:
        answers = (CaseAnswer("case", "prompt", "answer", "expected", score),)
        for suite in self.setup.dev:
            emit(SuiteScored(number, time.time(), suite.name, score, 0.1, answers))

    def _saved_step(self, number: int) -> int:
        path = self.folder.checkpoint(number)
        return int(path.read_text()) if path.exists() else 0

    def _checkpoint(self, number: int, step: int) -> None:
        path = self.folder.checkpoint(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(step))
        (path.parent / "adapter").mkdir(exist_ok=True)

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        self._stop.set()


def _unit(config: TrialConfig) -> float:
    digest = hashlib.sha256(repr(config).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
