"""The work itself, in whichever process it runs: load a base once, train cohorts, score."""

import contextlib
import dataclasses
import heapq
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from sweeper.data.cut_rows import CutRows
from sweeper.data.encode import EncodedRow, common_prefix_length
from sweeper.data.load_rows import load_rows, train_on
from sweeper.data.template import custom_template, template_of
from sweeper.data.token_cache import tokenised_rows
from sweeper.errors import InputError
from sweeper.events import (
    BASE_TRIAL,
    CasesAnswered,
    SuiteScored,
    TrialCompleted,
)
from sweeper.home import SweepFolder
from sweeper.memory.device_limit import device_memory_bytes
from sweeper.memory.plan import Cohort, PlannedTrial
from sweeper.models.load import load_base
from sweeper.models.weight_files import weights_sha256
from sweeper.scoring.cache import AnswerCache
from sweeper.scoring.fingerprint import adapter_fingerprint, base_fingerprint, suite_fingerprint
from sweeper.scoring.score import Remembered, Score, score_suite
from sweeper.scoring.suite import Suite
from sweeper.scoring.target_loss import expected_rows, rung_rows, target_loss
from sweeper.training.adapter_files import load_adapter, save_adapter
from sweeper.training.checkpoint import checkpoint_identity
from sweeper.training.early_stopping import EarlyStopping
from sweeper.training.engine import LAYOUTS, Engine
from sweeper.training.eval_loss import eval_loss
from sweeper.training.layouts import PACKABLE, BaseShape, Layout, choose_layout
from sweeper.training.loss_scale import LossScale
from sweeper.training.packed import attention_window
from sweeper.training.slot import Slot
from sweeper.training.slot_linear import LoraWeights, active_slots
from sweeper.workers.checkpointing import Checkpointing
from sweeper.workers.cohort_size import grown_cohort, may_pay, measured_rate
from sweeper.workers.evaluation import Evaluation
from sweeper.workers.link import Link, Stopped
from sweeper.workers.measured_steps import MeasuredSteps
from sweeper.workers.shortage import give_back
from sweeper.workers.system_metrics import SystemMetrics
from sweeper.workers.trial_run import TrialRun
from sweeper.workers.validation_rows import validation_rows
from sweeper.workers.worker import Emit, WorkerFacts, WorkerSetup

_ALONE = Link()
LAYOUT_TOLERANCES = {"float32": 1e-3, "bfloat16": 0.03, "float16": 0.01}
"""How far from a row's logits alone rounding may lead, as a share of them. On SmolLM2-135M packed rows were
5e-7 off in fp32 and 8e-3 to 1.1e-2 in bf16 and nf4, no more than bf16 itself is off fp32; four rows of which
one saw one other 0.06 to 0.14, of which each saw the one before 0.17 to 0.22. float16 lies between: on a tiny
model it was 1.8e-3 off where bf16 was 1.1e-2. See docs/design.md."""


class Workbench:
    """A loaded base with encoded rows. Raises InputError for a base that the engine cannot train."""

    def __init__(self, setup: WorkerSetup, link: Link = _ALONE) -> None:
        if setup.threads is not None:
            torch.set_num_threads(setup.threads)
        self.setup = setup
        self.link = link
        self.folder = SweepFolder(setup.sweep_folder)
        base = load_base(setup.base, setup.precision, setup.dequantised)
        self.template = template_of(base.tokenizer, custom_template(setup.data))
        train, held_out = load_rows(setup.data)
        trained = train_on(setup.data, train.format)
        self.rows = tokenised_rows(train, self.template, trained, setup.token_cache)
        self.eval_rows = () if held_out is None else validation_rows(held_out, self.template, setup)
        self.cache = AnswerCache(setup.answer_cache) if setup.answer_cache else None
        self.base = base_fingerprint(setup.base, base.model)
        self.engine = Engine(base.model)
        self.system = SystemMetrics()
        expected = expected_rows(setup.dev[0], self.template)
        self.dev_rows = expected if setup.loss_cases is None else rung_rows(expected, setup.loss_cases)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoints")
        self._base_sha256 = ThreadPoolExecutor(max_workers=1).submit(weights_sha256, setup.base)
        self._choose_layout()
        self.cohort = self._cohort_size()

    def _choose_layout(self) -> None:
        """Packed rows where the base honours their mask, else padded ones, which need none.

        Rows beyond a sliding window are padded: the packed mask would take its place.
        """
        longest = max(len(row.input_ids) for row in self.rows)
        shortest = heapq.nsmallest(4, self.rows, key=lambda row: len(row.input_ids))
        config = self.engine.model.config
        window = attention_window(config)
        fits = config.model_type in PACKABLE and (window is None or longest <= window)
        for layout in LAYOUTS if fits else LAYOUTS[1:]:
            self.engine.layout = layout
            difference = self.engine.check_layout(shortest)
            if difference < LAYOUT_TOLERANCES[self.setup.precision.dtype]:
                return
        raise InputError(
            "model.base",
            f"{type(self.engine.model).__name__} gives rows in a batch other logits than alone "
            f"(they differ by {difference:.2g})",
            "Use a model of another architecture, as Llama, Qwen2, Qwen3 or Phi-3",
        )

    def facts(self) -> WorkerFacts:
        return WorkerFacts(
            row_lengths=tuple(len(row.input_ids) for row in self.rows),
            prompt_lengths=tuple(row.prompt_length for row in self.rows),
            linear_layers=tuple(self.engine.layers),
            shape=self._shape,
            shared_prefix=common_prefix_length(self.rows),
            cohort=self.cohort,
            device_memory_bytes=device_memory_bytes(self.setup.precision.device),
        )

    def _cohort_size(self) -> int:
        if self.setup.cohort is not None:
            return self.setup.cohort
        return grown_cohort(measured_rate(self.engine, self.rows)) if may_pay(self.setup.precision) else 1

    @property
    def _shape(self) -> BaseShape:
        hidden_size: int = self.engine.model.config.get_text_config().hidden_size
        return BaseShape(self.engine.layout == "packed", hidden_size, self.setup.precision.device_kind)

    def _layout_of(self, trial: PlannedTrial, rows: Sequence[EncodedRow]) -> Layout:
        config = trial.config
        shares = self.engine.share_prefix and not config.lora_dropout
        prefix = common_prefix_length(rows) if shares else 0
        lengths = [len(row.input_ids) for row in rows]
        return choose_layout(
            self._shape, lengths, prefix, config.effective_batch_size, trial.micro_batch_size
        )

    def score_base(self, emit: Emit) -> None:
        """Scores the model with no slot active."""
        with contextlib.suppress(Stopped):
            self._score_all(BASE_TRIAL, None, emit)

    def train(self, cohort: Cohort, emit: Emit) -> None:
        """Trains all trials of the cohort side by side; each is saved and scored as it stops or ends.

        Asked to stop, it saves each trial after the step it is in and returns.
        """
        trials = cohort.trials
        if not self.dev_rows:  # nothing is expected to the letter: no loss, and nobody is stopped by one
            trials = tuple(dataclasses.replace(trial, rung=None) for trial in trials)
        runs = [self._new_run(trial) for trial in trials]
        for run in runs:
            run.start(emit)
            if run.slot.stopped:  # its worker was lost between the last step and what follows it
                self._stop(run, emit)
        by_slot = {run.slot: run for run in runs}
        steps = MeasuredSteps(self.engine, runs, cohort.predicted_bytes)
        began = time.monotonic()
        while (result := steps.next()) is not None:
            run = by_slot[result.slot]
            run.slot.train_seconds += time.monotonic() - began
            is_sound = run.after_step(result, emit)
            if is_sound:
                self.system.after_step(run.trial.number, run.slot.examples, run.slot.stopped, emit)
            if is_sound and run.slot.stopped:
                self._stop(run, emit)
            elif is_sound and self.link.should_stop():
                run.interrupt(emit)
            elif not is_sound:
                steps.remove(run)
            steps.tell(emit)
            began = time.monotonic()
        if steps.shortage is not None:
            give_back(steps.open_runs, steps.shortage, emit)

    def _new_run(self, trial: PlannedTrial) -> TrialRun:
        rows = CutRows(self.rows, trial.config.max_seq_length)
        slot = Slot(
            trial.config,
            rows,
            self.engine.layers,
            trial.micro_batch_size,
            self.setup.seed,
            trial.stop_step,
            self._layout_of(trial, rows),
            loss_scale=LossScale() if self.setup.precision.dtype == "float16" else None,
        )
        evaluation = self._evaluation(slot)
        identity = checkpoint_identity(trial.config, rows, self.setup.seed, self._base_name)
        saving = Checkpointing(
            trial.number,
            slot,
            self.folder.checkpoint(trial.number),
            identity,
            self._executor,
            self.setup.checkpoint_seconds,
            self.link.settle,
            evaluation.stopping if evaluation else None,
        )
        dropped = len(self.rows) - len(rows)
        return TrialRun(trial, slot, saving, dropped, evaluation, self.setup.precision)

    def _evaluation(self, slot: Slot) -> Evaluation | None:
        if not self.eval_rows:
            return None
        settings = self.setup.early_stopping
        return Evaluation(
            slot,
            lambda: eval_loss(self.engine, slot.adapter, self.eval_rows),
            EarlyStopping(settings) if settings else None,
        )

    @property
    def _base_name(self) -> str:
        """The base as a checkpoint knows it: by its text and, beside fp32, by how it is held."""
        precision, text = self.setup.precision, self.setup.base.text
        return text if precision.is_default else f"{text} {precision.quantization} {precision.dtype}"

    def _stop(self, run: TrialRun, emit: Emit) -> None:
        is_sound = run.pause(lambda: target_loss(self.engine, run.slot.adapter, self.dev_rows), emit)
        if is_sound and run.slot.finished:
            with contextlib.suppress(Stopped):  # it was saved, and the others are still to be
                self._finish(run, emit)

    def _finish(self, run: TrialRun, emit: Emit) -> None:
        number, config = run.trial.number, run.trial.config
        adapter = self.folder.trial(number) / "adapter"
        save_adapter(adapter, run.slot.adapter, self.setup.base.text, config)
        with active_slots(self.engine.layers, [run.slot.adapter]):
            score = self._score_all(number, run.slot.adapter, emit)
        relative = str(adapter.relative_to(self.folder.path))
        stopping = run.evaluation.stopping if run.evaluation else None
        emit(
            TrialCompleted(
                number,
                time.time(),
                score,
                relative,
                run.slot.train_seconds,
                stopping.reason if stopping and run.slot.has_ended_early else None,
                stopping.best_step if stopping else None,
                self._base_sha256.result(),
            )
        )
        run.checkpointing.remove()

    def _score_all(self, number: int, adapter: dict[str, LoraWeights] | None, emit: Emit) -> float:
        """Scores on every dev suite what is active. Gives the score on the first, NaN where it has none."""
        fingerprint = adapter_fingerprint(adapter) if self.cache else ""
        scores = [self._score(number, suite, fingerprint, emit) for suite in self.setup.dev]
        first = scores[0].score
        return math.nan if first is None else first

    def score_guard(self, number: int, emit: Emit) -> None:
        """Scores a complete trial, by the adapter that it left, or the base, on the guard suites."""
        adapter = None if number == BASE_TRIAL else self._saved_adapter(number)
        fingerprint = adapter_fingerprint(adapter) if self.cache else ""
        with contextlib.suppress(Stopped), active_slots(self.engine.layers, [adapter] if adapter else []):
            for suite in self.setup.guard:
                self._score(number, suite, fingerprint, emit, guard=suite_fingerprint(suite))

    def _saved_adapter(self, number: int) -> dict[str, LoraWeights]:
        """What a complete trial left, where the base's layers lie."""
        adapter = load_adapter(self.folder.trial(number) / "adapter")
        for name, weights in adapter.items():
            device = self.engine.layers[name].base.weight.device
            for matrix in (weights.lora_a, weights.lora_b):
                matrix.data = matrix.data.to(device)
        return adapter

    def _score(self, number: int, suite: Suite, adapter: str, emit: Emit, guard: str = "") -> Score:
        def progress(done: int, total: int) -> None:
            if not guard:  # a trial that has ended is shown as it ended
                emit(CasesAnswered(number, time.time(), suite.name, done, total))
            if done < total and self.link.should_stop():
                raise Stopped

        remembered = Remembered(self.cache, self.base, adapter) if self.cache else None
        score = score_suite(self.engine.model, self.template, suite, progress=progress, remembered=remembered)
        emit(
            SuiteScored(
                number,
                time.time(),
                suite.name,
                score.score,
                score.wall_seconds,
                score.answers,
                score.prompt_tokens,
                score.answer_tokens,
                guard,
            )
        )
        return score
