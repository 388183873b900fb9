"""How a sweep stands after some of its events, as far as MLflow's runs depend on earlier ones."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sweeper.events import (
    BASE_TRIAL,
    CaseAnswer,
    Event,
    RungReached,
    StepTrained,
    SuiteScored,
    TrialAsked,
    TrialCompleted,
    TrialDiverged,
    TrialFailed,
    TrialInfeasible,
    TrialPruned,
    TrialStarted,
    ValidationLoss,
)
from sweeper.space.trial_config import TrialConfig

Curve = list[StepTrained | ValidationLoss | RungReached]


@dataclass(frozen=True, slots=True)
class TrialStanding:
    """One trial: its parameters, and how far it has come.

    A `take` is what one run in MLflow shows: attempts and legs for as long as each goes on where the
    one before it ended. Where one goes back, to a checkpoint or to the start, a new take begins.
    """

    config: TrialConfig | None = None
    twin_of: int | None = None
    take: int = 1
    since: float | None = None
    step: int = 0
    examples: int = 0
    tokens: int = 0
    suites: tuple[str, ...] = ()
    score: float | None = None
    """On the objective's suite."""
    rung: int | None = None
    target_loss: float | None = None
    is_ended: bool = False
    micro_batch_size: int | None = None
    gradient_checkpointing: bool = False

    def goes_back(self, event: TrialStarted) -> bool:
        """Whether what is shown of the trial is not where this start goes on.

        Nor is it where memory ran out and a smaller micro-batch goes on, or checkpointing: MLflow changes
        no parameter.
        """
        before = self.micro_batch_size, self.gradient_checkpointing
        now = event.micro_batch_size, event.gradient_checkpointing
        is_cut_anew = self.micro_batch_size is not None and before != now
        return event.resumed_step != self.step or bool(self.suites) or is_cut_anew


@dataclass(slots=True)
class Standing:
    """`apply` takes the events in the log's order, from the first one on."""

    trials: dict[int, TrialStanding] = field(default_factory=dict)
    objective_suite: str | None = None
    """The suite scored first: the base on dev, before any trial. That of the largest weight."""
    completed: int = 0
    best_trial: int | None = None
    best_objective: float = 0.0
    best_score: float | None = None
    """Of the trial with the best objective, on the objective's suite."""
    last_time: float = 0.0
    carried: Curve = field(default_factory=list)
    """After a TrialStarted that begins a new take: what that keeps of the one before."""
    _curves: dict[int, Curve] = field(default_factory=dict)
    _base_answers: dict[str, tuple[CaseAnswer, ...]] = field(default_factory=dict)

    def of(self, trial: int) -> TrialStanding:
        return self.trials.get(trial, TrialStanding())

    def apply(self, event: Event) -> None:
        self.last_time = max(self.last_time, event.time)
        self.carried = []
        if isinstance(event, SuiteScored) and self.objective_suite is None:
            self.objective_suite = event.suite
        if isinstance(event, SuiteScored) and event.trial == BASE_TRIAL:
            self._base_answers[event.suite] = event.answers
        if isinstance(event, TrialCompleted):
            self._complete(event)
        if isinstance(event, TrialStarted) and self.of(event.trial).goes_back(event):
            self._begin_take(event)
        elif isinstance(event, StepTrained | ValidationLoss | RungReached) and not self.is_repeated(event):
            self._curves.setdefault(event.trial, []).append(event)
        self._change(event)
        if isinstance(event, SuiteScored) and event.suite == self.objective_suite:
            self.trials[event.trial] = dataclasses.replace(self.of(event.trial), score=event.score)

    def is_repeated(self, event: Event) -> bool:
        """Whether a rung is told again, by a trial that was cut off behind it."""
        curve = self._curves.get(event.trial, [])
        return isinstance(event, RungReached) and any(
            isinstance(each, RungReached) and each.rung == event.rung for each in curve
        )

    def base_answers(self, suite: str) -> tuple[CaseAnswer, ...]:
        """What the base answered to `suite`; nothing before it did."""
        return self._base_answers.get(suite, ())

    def open_trials(self) -> list[int]:
        """Trials that were taken up and have not ended."""
        return [number for number, each in self.trials.items() if each.since and not each.is_ended]

    def _begin_take(self, event: TrialStarted) -> None:
        """Of a curve that a start goes back on, what came up to there is kept."""
        before = self.of(event.trial)
        self.carried = [each for each in self._curves.get(event.trial, []) if each.step <= event.resumed_step]
        self._curves[event.trial] = list(self.carried)
        self.trials[event.trial] = TrialStanding(before.config, before.twin_of, before.take + 1, before.since)
        for each in self.carried:
            self._change(each)

    def _change(self, event: Event) -> None:
        trial, change = self.of(event.trial), _CHANGES.get(type(event))
        self.trials[event.trial] = dataclasses.replace(trial, **change(trial, event)) if change else trial
        if self.trials[event.trial].is_ended:
            self._curves.pop(event.trial, None)

    def is_base_score(self, event: SuiteScored) -> bool:
        """Whether `event` is the score that trials are held against."""
        return event.trial == BASE_TRIAL and event.suite == self.objective_suite

    def _complete(self, event: TrialCompleted) -> None:
        self.completed += 1
        best = (self.best_objective, -self.best_trial) if self.best_trial is not None else None
        if best is None or (event.objective, -event.trial) > best:  # of equal ones the first asked
            self.best_trial, self.best_objective = event.trial, event.objective
            self.best_score = self.of(event.trial).score


def _asked(_: TrialStanding, event: TrialAsked) -> dict[str, Any]:
    return {"config": event.config, "twin_of": event.twin_of}


def _started(trial: TrialStanding, event: TrialStarted) -> dict[str, Any]:
    since = event.time if trial.since is None else trial.since
    return {
        "since": since,
        "micro_batch_size": event.micro_batch_size,
        "gradient_checkpointing": event.gradient_checkpointing,
    }


def _stepped(_: TrialStanding, event: StepTrained) -> dict[str, Any]:
    return {"step": event.step, "examples": event.examples, "tokens": event.tokens}


def _reached(_: TrialStanding, event: RungReached) -> dict[str, Any]:
    return {"rung": event.rung, "target_loss": event.value}


def _scored(trial: TrialStanding, event: SuiteScored) -> dict[str, Any]:
    return {} if event.suite in trial.suites else {"suites": (*trial.suites, event.suite)}


def _ended(_: TrialStanding, event: Event) -> dict[str, Any]:
    return {"is_ended": True}


def _failed(_: TrialStanding, event: TrialFailed) -> dict[str, Any]:
    return {"is_ended": event.final}


_CHANGES: dict[type[Event], Callable[[TrialStanding, Any], dict[str, Any]]] = {
    TrialAsked: _asked,
    TrialStarted: _started,
    StepTrained: _stepped,
    RungReached: _reached,
    SuiteScored: _scored,
    TrialCompleted: _ended,
    TrialDiverged: _ended,
    TrialPruned: _ended,
    TrialInfeasible: _ended,
    TrialFailed: _failed,
}
