"""Workers that train nothing: what a trial comes to hangs on its parameters alone, in a moment.

A fake at the Worker seam. It keeps the seam's promises: it resumes from its checkpoint, saves before
it tells a rung, settles before it saves, and stops when asked. Where the space asks for early stopping,
eval_loss is told, and many trials end before their last step.
"""

import hashlib
import json
import math
import os
import time
from pathlib import Path
from typing import ClassVar

from sweeper.data.order import total_examples, total_steps
from sweeper.events import (
    BASE_TRIAL,
    CaseAnswer,
    CheckpointSaved,
    RungReached,
    StepTrained,
    SuiteScored,
    TrialCompleted,
    TrialDiverged,
    TrialStarted,
    ValidationLoss,
)
from sweeper.home import SweepFolder
from sweeper.memory.plan import Cohort, PlannedTrial
from sweeper.scoring.fingerprint import suite_fingerprint
from sweeper.space.trial_config import TrialConfig
from sweeper.training.eval_loss import is_evaluated
from sweeper.workers.link import Link
from sweeper.workers.spawned import MakeBench, SpawnedWorker
from sweeper.workers.worker import Emit, WorkerFacts, WorkerSetup

ROWS = 36


def unit(config: TrialConfig, *parts: object) -> float:
    digest = hashlib.sha256(repr((config, *parts)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


class ScriptedBench:
    """Stands for a Workbench."""

    forgetful: ClassVar[frozenset[int]] = frozenset()

    def __init__(self, setup: WorkerSetup, link: Link) -> None:
        self.folder, self.link, self.setup = SweepFolder(setup.sweep_folder), link, setup
        self.cohort = setup.cohort or 1
        self.stops_early = setup.early_stopping is not None
        self.suites = [suite.name for suite in setup.dev]

    def facts(self) -> WorkerFacts:
        return WorkerFacts(
            (20,) * ROWS, (10,) * ROWS, ("model.layers.0.self_attn.q_proj",), cohort=self.cohort
        )

    def score_base(self, emit: Emit) -> None:
        for suite in self.suites:
            emit(SuiteScored(BASE_TRIAL, time.time(), suite, 0.25, 0.5, ()))

    def score_guard(self, trial: int, emit: Emit) -> None:
        """All right but for a forgetful trial, which has all wrong."""
        for suite in self.setup.guard:
            right = 0.0 if trial in self.forgetful else 1.0
            answers = tuple(CaseAnswer(case.id, "p", "a", "e", right) for case in suite.cases)
            fingerprint = suite_fingerprint(suite)
            emit(SuiteScored(trial, time.time(), suite.name, right, 0.5, answers, guard=fingerprint))

    def train(self, cohort: Cohort, emit: Emit) -> None:
        for planned in cohort.trials:
            self._train_one(planned, emit)

    def _train_one(self, planned: PlannedTrial, emit: Emit) -> None:
        config, number = planned.config, planned.number
        step, total = self.read_checkpoint(number), total_steps(planned.config, ROWS)
        last = self.last_step(config, total)
        stop = min(last, total if planned.stop_step is None else planned.stop_step)
        examples = total_examples(config, ROWS)
        emit(TrialStarted(number, time.time(), planned.attempt, 1, 1, total, examples, step))
        while step < stop:
            step += 1
            if unit(config, "diverges") < 0.1 and step > 2:
                emit(TrialDiverged(number, time.time(), step, f"the loss at step {step} is nan"))
                return
            seen = min(step * config.effective_batch_size, examples)
            emit(StepTrained(number, time.time(), step, seen, seen * 20, 1 / step, 1e-4, 1.0))
            if self.stops_early and (is_evaluated(step, total, None) or step == last):
                emit(ValidationLoss(number, time.time(), step, seen, unit(config, step)))
            if step % 5 == 0 and step < stop:
                self.save(number, step, emit)
            if self.link.should_stop():
                self.save(number, step, emit)
                return
        self.save(number, step, emit)
        assert planned.rung is not None
        seen = min(step * config.effective_batch_size, examples)
        value = unit(config, "loss") + 1 / step
        emit(RungReached(number, time.time(), planned.rung, step, seen, value, step == last))
        if step == last:
            self._finish(planned, step, "patience: it was enough" if last < total else None, emit)

    def last_step(self, config: TrialConfig, total: int) -> int:
        """The trial's end, which is its own or, six times out of ten, somewhere in its first third."""
        share = unit(config, "ends")
        return math.ceil(share * total / 2) if self.stops_early and share < 0.6 else total

    def _finish(self, planned: PlannedTrial, step: int, early: str | None, emit: Emit) -> None:
        number, score = planned.number, round(1 - unit(planned.config, "loss"), 2)
        self.save_adapter(number, f"{planned.config} after {step}")
        answers = (CaseAnswer("case", "prompt", "answer", "expected", score),)
        for suite in self.suites:
            seen = score if suite == "dev" else round(unit(planned.config, suite), 2)
            emit(SuiteScored(number, time.time(), suite, seen, 0.5, answers))
        adapter = f"trials/{number:04d}/adapter"
        emit(
            TrialCompleted(
                number, time.time(), score, adapter, 1.0, early, step if self.stops_early else None
            )
        )

    def read_checkpoint(self, number: int) -> int:
        path = self.folder.checkpoint(number)
        return int(json.loads(path.read_text())["step"]) if path.exists() else 0

    def save(self, number: int, step: int, emit: Emit) -> None:
        self.link.settle()
        self.write_checkpoint(self.folder.checkpoint(number), step)
        emit(CheckpointSaved(number, time.time(), step))

    def write_checkpoint(self, path: Path, step: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name("checkpoint.writing")
        part.write_text(json.dumps({"step": step}))
        os.replace(part, path)

    def save_adapter(self, number: int, content: str) -> None:
        folder = self.folder.trial(number) / "adapter"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "adapter.txt").write_text(content)


class ScriptedWorker:
    """In the driver's process, in a thread of the crew's."""

    def __init__(self, setup: WorkerSetup) -> None:
        self.stop_asked = False
        self.bench = ScriptedBench(setup, Link(should_stop=lambda: self.stop_asked))

    def facts(self) -> WorkerFacts:
        return self.bench.facts()

    def score_base(self, emit: Emit) -> None:
        self.bench.score_base(emit)

    def score_guard(self, trial: int, emit: Emit) -> None:
        self.bench.score_guard(trial, emit)

    def train(self, cohort: Cohort, emit: Emit) -> None:
        self.bench.train(cohort, emit)

    def stop(self) -> None:
        self.stop_asked = True

    def close(self) -> None:
        pass


class SpawnedScriptedWorker(SpawnedWorker):
    """In a process of its own, over the real pipe."""

    make_bench: ClassVar[MakeBench] = ScriptedBench
