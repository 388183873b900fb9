"""How far a sweep has come, worked out from its events alone."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sweeper.events import (
    BASE_TRIAL,
    CaseAnswer,
    CasesAnswered,
    DriverStarted,
    Event,
    RungReached,
    StepTrained,
    SuiteScored,
    TrialAsked,
    TrialCompleted,
    TrialDiverged,
    TrialFailed,
    TrialInfeasible,
    TrialOutOfMemory,
    TrialPruned,
    TrialStarted,
    ValidationLoss,
)
from sweeper.report.work import Work, work_after
from sweeper.space.objective import SCORE_NAME
from sweeper.space.trial_config import TrialConfig

TrialState = Literal[
    "asked", "training", "paused", "scoring", "complete", "pruned", "diverged", "infeasible", "failed"
]
_FINISHED: tuple[TrialState, ...] = ("complete", "pruned", "diverged", "infeasible", "failed")


@dataclass(frozen=True, slots=True)
class Mark:
    """That so many examples were trained at that time (seconds since the epoch)."""

    examples: int
    time: float


@dataclass(frozen=True, slots=True)
class TrialProgress:
    """One trial, or the base model. What is said of training is said of the present attempt."""

    number: int
    config: TrialConfig | None = None
    state: TrialState = "asked"
    attempt: int = 0
    total_examples: int = 0
    resumed_examples: int = 0
    """How many the present attempt found done, by the share of its steps."""
    rung: int | None = None
    target_loss: float | None = None
    """At the last rung it reached."""
    first_step: Mark | None = None
    last_step: Mark | None = None
    loss: float | None = None
    eval_loss: float | None = None
    """The last one; None where there are no validation rows."""
    scoring_since: float | None = None
    cases_answered: int = 0
    cases: int = 0
    score: float | None = None
    """On the suite scored first, once it is."""
    objective: float | None = None
    """Complete trials only: what they are chosen by, higher is better."""
    train_seconds: float | None = None
    adapter: str | None = None
    """The PEFT folder, relative to the sweep's folder."""
    base_sha256: str = ""
    """Of the base's weights at training; "" where it is not known."""
    reason: str | None = None
    answers: tuple[CaseAnswer, ...] = ()
    """To the suite scored first."""

    @property
    def is_finished(self) -> bool:
        return self.state in _FINISHED

    @property
    def is_turned_away(self) -> bool:
        return self.state == "infeasible" and self.attempt == 0

    @property
    def examples(self) -> int:
        return self.last_step.examples if self.last_step else self.resumed_examples


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """A sweep after some of its events. `total_trials` is None where nobody asks how many are left."""

    name: str
    total_trials: int | None = None
    rungs: tuple[float, ...] = (1.0,)
    """Shares of a trial at which it pauses; the last one is its end."""
    expected_share: float = 1.0
    """What trials are trained of, on average, of their whole; the pruner stops the others."""
    base: TrialProgress = TrialProgress(BASE_TRIAL)
    trials: Mapping[int, TrialProgress] = field(default_factory=dict)
    suite: str | None = None
    """The suite scored first, that of the largest weight in the objective."""
    work: Work = field(default_factory=Work)
    counts_turned_away: bool = False
    """Whether trials that do not fit are among `total_trials`, as those of a grid are: it has no others."""
    guard: tuple[SuiteScored, ...] = ()
    """What was answered to guard suites."""
    objective: str = SCORE_NAME
    """What trials are chosen by, in words."""
    scoring_seconds: tuple[float, ...] = ()
    """What each scoring on `suite` took."""

    @property
    def finished_count(self) -> int:
        """Those that count to `total_trials`: what was turned away as it was asked is replaced."""
        return sum(
            trial.is_finished and (self.counts_turned_away or not trial.is_turned_away)
            for trial in self.trials.values()
        )

    @property
    def is_over(self) -> bool:
        """Whether all trials that were asked for have ended."""
        return self.total_trials is not None and self.finished_count >= self.total_trials

    @property
    def ranked(self) -> list[TrialProgress]:
        """The complete trials, the one with the highest objective first, of equal ones the first asked."""
        complete = [trial for trial in self.trials.values() if trial.objective is not None]
        return sorted(complete, key=lambda trial: (-(trial.objective or 0.0), trial.number))

    @property
    def best(self) -> TrialProgress | None:
        """The first of `ranked`; None before a trial is complete."""
        return next(iter(self.ranked), None)

    @property
    def is_by_score(self) -> bool:
        """Whether trials are chosen by the score on `suite` and nothing else."""
        return self.objective in (SCORE_NAME, self.suite)


def apply(progress: SweepProgress, event: Event) -> SweepProgress:
    """The progress after one more event."""
    progress = dataclasses.replace(progress, work=work_after(progress.work, event))
    if isinstance(event, SuiteScored) and event.guard:
        return dataclasses.replace(progress, guard=(*progress.guard, event))
    if isinstance(event, SuiteScored):
        suite = progress.suite or event.suite
        seconds = (event.wall_seconds,) if event.suite == suite else ()
        progress = dataclasses.replace(
            progress, suite=suite, scoring_seconds=progress.scoring_seconds + seconds
        )
    if isinstance(event, DriverStarted):
        progress = dataclasses.replace(progress, objective=event.objective)
    if event.trial == BASE_TRIAL:
        return dataclasses.replace(progress, base=_base_after(progress, event))
    trial = progress.trials.get(event.trial, TrialProgress(event.trial))
    change = _CHANGES.get(type(event))
    if change is not None:
        trial = dataclasses.replace(trial, **change(trial, event))
    if isinstance(event, SuiteScored) and event.suite == progress.suite:
        trial = dataclasses.replace(trial, answers=event.answers, score=event.score)
    return dataclasses.replace(progress, trials={**progress.trials, event.trial: trial})


def replay(progress: SweepProgress, events: Iterable[Event]) -> SweepProgress:
    """The progress after all of `events`."""
    return functools.reduce(apply, events, progress)


def _base_after(progress: SweepProgress, event: Event) -> TrialProgress:
    if isinstance(event, CasesAnswered):
        return dataclasses.replace(progress.base, **_answered(progress.base, event))
    if isinstance(event, SuiteScored) and event.suite == progress.suite:
        return dataclasses.replace(
            progress.base,
            state="complete",
            score=event.score,
            cases=len(event.answers),
            answers=event.answers,
        )
    return progress.base


def _asked(_: TrialProgress, event: TrialAsked) -> dict[str, Any]:
    return {"config": event.config}


def _started(trial: TrialProgress, event: TrialStarted) -> dict[str, Any]:
    goes_on = event.resumed_step > 0
    fresh = TrialProgress(
        number=trial.number,
        config=trial.config,
        state="training",
        attempt=event.attempt,
        total_examples=event.total_examples,
        resumed_examples=event.total_examples * event.resumed_step // max(event.total_steps, 1),
        rung=trial.rung if goes_on else None,
        target_loss=trial.target_loss if goes_on else None,
        loss=trial.loss if goes_on else None,
        eval_loss=trial.eval_loss if goes_on else None,
    )
    return {each.name: getattr(fresh, each.name) for each in dataclasses.fields(fresh)}


def _stepped(trial: TrialProgress, event: StepTrained) -> dict[str, Any]:
    mark = Mark(event.examples, event.time)
    return {"first_step": trial.first_step or mark, "last_step": mark, "loss": event.loss}


def _evaluated(_: TrialProgress, event: ValidationLoss) -> dict[str, Any]:
    return {"eval_loss": event.value}


def _reached(trial: TrialProgress, event: RungReached) -> dict[str, Any]:
    told: dict[str, Any] = {"state": "paused", "rung": event.rung, "target_loss": event.value}
    if trial.attempt == 0:  # it has the results of another trial that trained the same
        told |= {"resumed_examples": event.examples}
    return told


def _answered(trial: TrialProgress, event: CasesAnswered) -> dict[str, Any]:
    began = trial.scoring_since if trial.state == "scoring" else None
    since = began or (trial.last_step.time if trial.last_step else event.time)
    return {
        "state": "scoring",
        "scoring_since": since,
        "cases_answered": event.done,
        "cases": event.total,
    }


def _completed(_: TrialProgress, event: TrialCompleted) -> dict[str, Any]:
    return {
        "state": "complete",
        "objective": event.objective,
        "train_seconds": event.train_seconds,
        "adapter": event.adapter,
        "base_sha256": event.base_sha256,
        "reason": event.stopped_early,
    }


def _diverged(_: TrialProgress, event: TrialDiverged) -> dict[str, Any]:
    return {"state": "diverged", "reason": event.reason}


def _pruned(_: TrialProgress, event: TrialPruned) -> dict[str, Any]:
    return {"state": "pruned", "reason": event.reason}


def _infeasible(_: TrialProgress, event: TrialInfeasible) -> dict[str, Any]:
    return {"state": "infeasible", "reason": event.reason}


def _ran_out(_: TrialProgress, event: TrialOutOfMemory) -> dict[str, Any]:
    return {"state": "asked", "reason": event.reason}


def _failed(_: TrialProgress, event: TrialFailed) -> dict[str, Any]:
    return {"state": "failed" if event.final else "asked", "reason": event.reason}


_CHANGES: dict[type[Event], Callable[[TrialProgress, Any], dict[str, Any]]] = {
    TrialAsked: _asked,
    TrialStarted: _started,
    StepTrained: _stepped,
    ValidationLoss: _evaluated,
    RungReached: _reached,
    CasesAnswered: _answered,
    TrialCompleted: _completed,
    TrialDiverged: _diverged,
    TrialPruned: _pruned,
    TrialInfeasible: _infeasible,
    TrialOutOfMemory: _ran_out,
    TrialFailed: _failed,
}
