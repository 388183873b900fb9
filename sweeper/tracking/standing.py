"""How a sweep stands after some of its events, as far as MLflow's runs depend on earlier ones."""

import dataclasses
from dataclasses import dataclass, field

from sweeper.events import (
    BASE_TRIAL,
    Event,
    StepTrained,
    SuiteScored,
    TrialAsked,
    TrialCompleted,
    TrialFailed,
    TrialStarted,
)
from sweeper.space.trial_config import TrialConfig


@dataclass(frozen=True, slots=True)
class TrialStanding:
    """One trial: its parameters, and how far its present attempt has come."""

    config: TrialConfig | None = None
    attempt: int = 1
    examples: int = 0
    tokens: int = 0
    suites: tuple[str, ...] = ()


@dataclass(slots=True)
class Standing:
    """`apply` takes the events in the log's order, from the first one on."""

    trials: dict[int, TrialStanding] = field(default_factory=dict)
    objective_suite: str | None = None
    """The suite scored first: the base on dev, before any trial."""
    completed: int = 0
    best_trial: int | None = None
    best_objective: float | None = None
    last_time: float = 0.0

    def of(self, trial: int) -> TrialStanding:
        return self.trials.get(trial, TrialStanding())

    def apply(self, event: Event) -> None:
        self.last_time = max(self.last_time, event.time)
        if isinstance(event, SuiteScored) and self.objective_suite is None:
            self.objective_suite = event.suite
        if isinstance(event, TrialCompleted):
            self._complete(event)
        self.trials[event.trial] = _after(self.of(event.trial), event)

    def is_base_score(self, event: SuiteScored) -> bool:
        """Whether `event` is the score that trials are held against."""
        return event.trial == BASE_TRIAL and event.suite == self.objective_suite

    def _complete(self, event: TrialCompleted) -> None:
        self.completed += 1
        if self.best_objective is None or event.objective > self.best_objective:
            self.best_trial, self.best_objective = event.trial, event.objective


def _after(trial: TrialStanding, event: Event) -> TrialStanding:
    if isinstance(event, TrialAsked):
        return dataclasses.replace(trial, config=event.config)
    if isinstance(event, TrialStarted):
        return TrialStanding(trial.config, event.attempt)
    if isinstance(event, StepTrained):
        return dataclasses.replace(trial, examples=event.examples, tokens=event.tokens)
    if isinstance(event, SuiteScored) and event.suite not in trial.suites:
        return dataclasses.replace(trial, suites=(*trial.suites, event.suite))
    if isinstance(event, TrialFailed):
        return dataclasses.replace(trial, attempt=event.attempt)
    return trial
