"""What happens in a sweep, as values: workers emit them, the driver writes them down.

Optuna and MLflow are written from these and from nothing else, so each event carries its own time
(seconds since the epoch) and writing one twice gives the same result as writing it once.
"""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from sweeper.space.objective import SCORE_NAME
from sweeper.space.trial_config import TrialConfig

BASE_TRIAL = -1
"""Stands in `trial` where the untouched base model is meant."""


@dataclass(frozen=True, slots=True)
class AssertionResult:
    """What one assertion says of an answer: its type, a score from 0 to 1, and why."""

    type: str
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class CaseAnswer:
    """One case of a suite, answered. `score` is from 0 (wrong) to 1 (right), the weighted mean of
    `results`; None where the case is only shown. `group` names cases that belong together."""

    case_id: str
    prompt: str
    answer: str
    expected: str
    score: float | None
    results: tuple[AssertionResult, ...] = ()
    tags: tuple[str, ...] = ()
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Root of all events. `trial` is Optuna's trial number, or BASE_TRIAL."""

    trial: int
    time: float


@dataclass(frozen=True, slots=True)
class TrialAsked(Event):
    """The search proposed a trial. All trials of a `wave` are asked before any of them trains.

    It would train as the earlier trial `twin_of` does, where there is one, and is to have its results.
    """

    config: TrialConfig
    wave: int = 0
    twin_of: int | None = None


@dataclass(frozen=True, slots=True)
class TrialStarted(Event):
    """A worker took the trial up. `attempt` counts from 1; a later attempt voids the earlier ones.

    An attempt that goes on from a checkpoint voids only what came after `resumed_step`. `dropped_rows`
    keep nothing to learn within the trial's max_seq_length, and are left out. `dtype` and `quantization`
    are the base's; logs of before there was a choice lack them. `predicted_bytes` is the peak that was
    predicted, None where nothing was. `gradient_checkpointing` is what it trains with, whoever chose it.
    """

    attempt: int
    micro_batch_size: int
    gradient_accumulation_steps: int
    total_steps: int
    total_examples: int
    resumed_step: int = 0
    dropped_rows: int = 0
    dtype: str = "float32"
    quantization: str = "none"
    predicted_bytes: int | None = None
    gradient_checkpointing: bool = False


@dataclass(frozen=True, slots=True)
class StepTrained(Event):
    """One optimizer step. `tokens` counts row tokens so far; `grad_norm` is taken before clipping.

    `computed_tokens` are the positions that were computed for them, padding too; 0 in older logs.
    """

    step: int
    examples: int
    tokens: int
    loss: float
    learning_rate: float
    grad_norm: float
    computed_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ValidationLoss(Event):
    """eval_loss after optimizer step `step`, in nats a label; never inf or NaN. Told after that step."""

    step: int
    examples: int
    value: float


@dataclass(frozen=True, slots=True)
class CheckpointSaved(Event):
    """The trial can go on from the end of `step`, whatever happens to its worker."""

    step: int


@dataclass(frozen=True, slots=True)
class RungReached(Event):
    """Paused after `step`, saved. `value` is target_loss on dev: lower is better, never inf or NaN.

    `is_end`: the trial trains no further, at whichever rung, and is scored next. In logs of before it is
    False.
    """

    rung: int
    step: int
    examples: int
    value: float
    is_end: bool = False


@dataclass(frozen=True, slots=True)
class SystemSampled(Event):
    """How busy the machine was, `examples` into the trial. `values` by MLflow's names, without "system/"."""

    examples: int
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class CasesAnswered(Event):
    """Progress of scoring: `done` of `total` cases of a suite have their answer."""

    suite: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class SuiteScored(Event):
    """A suite's score: the mean over its scored cases, None where it has none.

    Tokens are counted over all cases. In logs of before they were not: there they are 0. `guard` is the
    suite's fingerprint where it was asked as a guard suite, of the base or of a complete trial.
    """

    suite: str
    score: float | None
    wall_seconds: float
    answers: tuple[CaseAnswer, ...]
    prompt_tokens: int = 0
    answer_tokens: int = 0
    guard: str = ""


@dataclass(frozen=True, slots=True)
class TrialCompleted(Event):
    """Trained to its end and scored. `adapter` is the PEFT folder, relative to the sweep's folder.

    `objective` is the number that trials are chosen by, higher is better. The driver puts it there, from
    scores and losses that workers told; a worker's own event has the first suite's score, or NaN.

    `stopped_early` says why the end came before the last step. `best_step` is the step that the adapter
    is of where search.early_stopping chose it, else None: it is of the last one.
    `base_sha256` is of the base's weights, as `models.weight_files` takes it; "" in logs of before.
    """

    objective: float
    adapter: str
    train_seconds: float
    stopped_early: str | None = None
    best_step: int | None = None
    base_sha256: str = ""


@dataclass(frozen=True, slots=True)
class TrialDiverged(Event):
    """The loss stopped being a number, or grew beyond bounds; the trial ended at once."""

    step: int
    reason: str


@dataclass(frozen=True, slots=True)
class TrialPruned(Event):
    """The search stopped the trial for others that looked better; `rung` is the last one it reached.

    None where it was stopped before its first rung.
    """

    rung: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class MemoryMeasured(Event):
    """The most that the trial's steps held at once, as far as they were measured since it was taken up.

    On a GPU what torch had allocated, on a CPU the live tensors of the engine. Of a `cohort` of several
    trials it is what all of them held together, measured and predicted, and each is told it.
    """

    micro_batch_size: int
    measured_bytes: int
    predicted_bytes: int | None = None
    cohort: int = 1


@dataclass(frozen=True, slots=True)
class TrialOutOfMemory(Event):
    """A step asked for more memory than there was. The trial goes on with a smaller micro-batch if it can.

    `measured_bytes` is what the step held with what it asked for on top, None where nobody counted.
    """

    attempt: int
    micro_batch_size: int
    reason: str
    measured_bytes: int | None = None
    predicted_bytes: int | None = None
    gradient_checkpointing: bool = False


@dataclass(frozen=True, slots=True)
class TrialInfeasible(Event):
    """The trial cannot run here. `excess_bytes` is what it lacks, above 0, of `limit_bytes` that it may take.

    In logs of before the limit is not told, and is 0.
    """

    excess_bytes: float
    reason: str
    limit_bytes: int = 0

    @property
    def constraint(self) -> float:
        """What the sampler learns from: how far above the limit, as a share of it."""
        return self.excess_bytes / self.limit_bytes if self.limit_bytes else self.excess_bytes


@dataclass(frozen=True, slots=True)
class TrialFailed(Event):
    """An attempt broke off. `final` when it will not be tried again."""

    attempt: int
    reason: str
    final: bool


@dataclass(frozen=True, slots=True)
class DriverStarted(Event):
    """A driver took the sweep up; `trial` is BASE_TRIAL. Between two of these the sweep may have slept.

    `objective` says in words what trials are chosen by.
    """

    objective: str = SCORE_NAME


_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        TrialAsked,
        TrialStarted,
        StepTrained,
        ValidationLoss,
        CheckpointSaved,
        RungReached,
        SystemSampled,
        CasesAnswered,
        SuiteScored,
        TrialCompleted,
        TrialDiverged,
        TrialPruned,
        MemoryMeasured,
        TrialOutOfMemory,
        TrialInfeasible,
        TrialFailed,
        DriverStarted,
    )
}


def to_json(event: Event) -> str:
    """One line of JSON, without its line end."""
    return json.dumps({"kind": type(event).__name__, **dataclasses.asdict(event)}, ensure_ascii=False)


def from_json(line: str) -> Event:
    """The event that `to_json` wrote. Raises KeyError or TypeError on anything else."""
    fields: dict[str, Any] = json.loads(line)
    kind = _KINDS[fields.pop("kind")]
    if kind is TrialAsked:
        config = fields["config"]
        fields["config"] = TrialConfig(**{**config, "target_modules": tuple(config["target_modules"])})
    elif kind is SuiteScored:
        fields["answers"] = tuple(map(case_answer_from, fields["answers"]))
    return kind(**fields)


def case_answer_from(fields: dict[str, Any]) -> CaseAnswer:
    """The CaseAnswer whose fields JSON kept; those of older logs have fewer."""
    results = tuple(AssertionResult(**result) for result in fields.get("results", ()))
    return CaseAnswer(**{**fields, "results": results, "tags": tuple(fields.get("tags", ()))})
