"""The work itself, in whichever process it runs: load a base once, train cohorts, score."""

import time

import torch

from sweeper.data.encode import cut_rows
from sweeper.data.encode_rows import encode_rows
from sweeper.data.load_rows import load_rows, train_on
from sweeper.data.order import total_examples
from sweeper.data.template import custom_template, template_of
from sweeper.errors import InputError
from sweeper.events import (
    BASE_TRIAL,
    CasesAnswered,
    StepTrained,
    SuiteScored,
    TrialCompleted,
    TrialDiverged,
    TrialStarted,
)
from sweeper.home import SweepFolder
from sweeper.memory.plan import Cohort, PlannedTrial
from sweeper.models.load import load_base
from sweeper.scoring.score import score_suite
from sweeper.training.adapter_files import save_adapter
from sweeper.training.engine import Engine, StepResult
from sweeper.training.slot import Slot
from sweeper.training.slot_linear import active_slots
from sweeper.workers.worker import Emit, WorkerFacts, WorkerSetup

LAYOUT_TOLERANCE = 1e-2
"""Largest logit difference that fp32 rounding explains; a mask that is not honoured gives whole units."""


class Workbench:
    """A loaded base with encoded rows. Raises InputError for a base that the engine cannot train."""

    def __init__(self, setup: WorkerSetup) -> None:
        if setup.threads is not None:
            torch.set_num_threads(setup.threads)
        self.setup = setup
        self.folder = SweepFolder(setup.sweep_folder)
        base = load_base(setup.base)
        self.template = template_of(base.tokenizer, custom_template(setup.data))
        train, _ = load_rows(setup.data)
        self.rows = encode_rows(train, self.template, train_on(setup.data, train.format)).rows
        self.engine = Engine(base.model)
        self._check_layout()

    def _check_layout(self) -> None:
        shortest = sorted(self.rows, key=lambda row: len(row.input_ids))[:4]
        difference = self.engine.check_layout(shortest)
        if not difference < LAYOUT_TOLERANCE:
            raise InputError(
                "model.base",
                f"{type(self.engine.model).__name__} does not honour the mask of packed rows "
                f"(logits differ by {difference:.2g} from rows alone)",
                "Use a model of another architecture: Llama, Qwen2, Qwen3 and Phi-3 take it",
            )

    def facts(self) -> WorkerFacts:
        return WorkerFacts(
            row_lengths=tuple(len(row.input_ids) for row in self.rows),
            prompt_lengths=tuple(row.prompt_length for row in self.rows),
            linear_layers=tuple(self.engine.layers),
        )

    def score_base(self, emit: Emit) -> None:
        """Scores the model with no slot active."""
        self._score(BASE_TRIAL, emit)

    def train(self, cohort: Cohort, emit: Emit) -> None:
        """Trains all trials of the cohort side by side; each is saved and scored as it ends."""
        planned: dict[Slot, PlannedTrial] = {}
        for trial in cohort.trials:
            slot = self._new_slot(trial)
            planned[slot] = trial
            emit(_started(trial, slot))
        seconds = dict.fromkeys(planned, 0.0)
        began = time.monotonic()
        for result in self.engine.train(list(planned)):
            trial = planned[result.slot]
            seconds[result.slot] += time.monotonic() - began
            emit(_stepped(trial.number, result))
            if not result.diverged and result.slot.finished:
                self._finish(trial, result.slot, seconds[result.slot], emit)
            began = time.monotonic()

    def _new_slot(self, trial: PlannedTrial) -> Slot:
        rows = cut_rows(self.rows, trial.config.max_seq_length)
        return Slot(trial.config, rows, self.engine.layers, trial.micro_batch_size, self.setup.seed)

    def _finish(self, trial: PlannedTrial, slot: Slot, seconds: float, emit: Emit) -> None:
        config = trial.config
        adapter = self.folder.trial(trial.number) / "adapter"
        save_adapter(adapter, slot.adapter, self.setup.base.text, config.lora_alpha, config.target_modules)
        with active_slots(self.engine.layers, [slot.adapter]):
            score = self._score(trial.number, emit)
        relative = str(adapter.relative_to(self.folder.path))
        emit(TrialCompleted(trial.number, time.time(), score, relative, seconds))

    def _score(self, number: int, emit: Emit) -> float:
        suite = self.setup.dev

        def progress(done: int, total: int) -> None:
            emit(CasesAnswered(number, time.time(), suite.name, done, total))

        score = score_suite(self.engine.model, self.template, suite, progress=progress)
        emit(SuiteScored(number, time.time(), suite.name, score.score, score.wall_seconds, score.answers))
        return score.score


def _started(trial: PlannedTrial, slot: Slot) -> TrialStarted:
    return TrialStarted(
        trial.number,
        time.time(),
        trial.attempt,
        trial.micro_batch_size,
        trial.gradient_accumulation_steps,
        slot.total_steps,
        total_examples(trial.config, len(slot.rows)),
    )


def _stepped(number: int, result: StepResult) -> StepTrained | TrialDiverged:
    if result.diverged:
        reason = f"the loss at step {result.step} is {result.loss}"
        return TrialDiverged(number, time.time(), result.step, reason)
    return StepTrained(
        number,
        time.time(),
        result.step,
        result.slot.examples,
        result.slot.tokens,
        result.loss,
        result.learning_rate,
        result.grad_norm,
    )
