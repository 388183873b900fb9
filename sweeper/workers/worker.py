"""What a worker is: it holds one base model, trains cohorts on it and tells what happens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sweeper.events import Event
from sweeper.memory.plan import Cohort
from sweeper.models.precision import Precision
from sweeper.models.reference import BaseReference
from sweeper.scoring.suite import Suite
from sweeper.space.data_settings import DataSettings
from sweeper.space.early_stopping import EarlyStoppingSettings
from sweeper.training.layouts import BaseShape

Emit = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """All that a worker needs to begin. `checkpoint_seconds` is how often a running trial is saved.

    The first suite of `dev` steers: target_loss is of its expected answers, of `loss_cases` of them (None:
    of all). `guard` is asked in the end.
    Without `answer_cache` every answer is made anew, without `dequantised` a .gguf base for nf4 is,
    without `token_cache` rows are.
    `cohort` None lets the worker measure what pays. `eval_seq_length` is what validation rows are cut
    to, the same for all trials; None cuts nothing.
    """

    base: BaseReference
    data: DataSettings
    dev: tuple[Suite, ...]
    seed: int
    sweep_folder: Path
    threads: int | None = None
    answer_cache: Path | None = None
    checkpoint_seconds: float = 180.0
    precision: Precision = field(default_factory=Precision)
    dequantised: Path | None = None
    cohort: int | None = 1
    guard: tuple[Suite, ...] = ()
    eval_seq_length: int | None = None
    early_stopping: EarlyStoppingSettings | None = None
    token_cache: Path | None = None
    loss_cases: int | None = None


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What the driver plans with: tokens of each row and of its untrained prompt, and the layers to adapt.

    `shape` and `shared_prefix`, the tokens that all rows begin with, decide a trial's layout.
    `device_memory_bytes` is what a GPU has in all, None on a CPU.
    """

    row_lengths: tuple[int, ...]
    prompt_lengths: tuple[int, ...]
    linear_layers: tuple[str, ...]
    shape: BaseShape = field(default_factory=BaseShape)
    shared_prefix: int = 0
    cohort: int = 1
    """How many trials to train side by side."""
    device_memory_bytes: int | None = None


class Worker(Protocol):
    """Raises InputError for what the user can mend, TrainingError for work that broke off."""

    def facts(self) -> WorkerFacts:
        """Waits until base and rows are loaded."""

    def score_base(self, emit: Emit) -> None:
        """Scores the untouched base on all dev suites."""

    def train(self, cohort: Cohort, emit: Emit) -> None:
        """Trains each trial of the cohort, from its checkpoint if it has one, to its stop or its end.

        Emits each one's RungReached, or its end: trained, saved and scored.
        """

    def score_guard(self, trial: int, emit: Emit) -> None:
        """Scores a complete trial, or the base for BASE_TRIAL, on all guard suites."""

    def stop(self) -> None:
        """Asks, from any thread, that the work save what is under way and return soon."""

    def close(self) -> None:
        """Ends the worker at once, whatever it does. May be called twice."""
