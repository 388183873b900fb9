"""Where a sweep stands, folded from its events: what a driver, fresh or resumed, decides by."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sweeper.events import (
    BASE_TRIAL,
    DriverStarted,
    Event,
    MemoryMeasured,
    RungReached,
    SuiteScored,
    TrialAsked,
    TrialCompleted,
    TrialDiverged,
    TrialFailed,
    TrialInfeasible,
    TrialOutOfMemory,
    TrialPruned,
    TrialStarted,
)
from sweeper.space.trial_config import TrialConfig

End = TrialCompleted | TrialDiverged | TrialPruned | TrialInfeasible | TrialFailed
"""The event that ended a trial for good; TrialFailed only where it is final."""


@dataclass(slots=True)
class TrialStanding:
    """One trial. `rungs` holds its first arrival at each rung. `twin_of` see search/twins.py."""

    number: int
    config: TrialConfig
    wave: int
    twin_of: int | None = None
    attempts: int = 0
    failures: int = 0
    is_taken_up: bool = False
    """By a worker, and neither paused nor ended since; it was cut short if that worker is gone."""
    rungs: dict[int, RungReached] = field(default_factory=dict)
    memory: list[MemoryMeasured | TrialOutOfMemory] = field(default_factory=list)
    scores: dict[str, float | None] = field(default_factory=dict)
    """By dev suite, None where a suite only shows its answers."""
    end: End | None = None

    @property
    def lead(self) -> int:
        """The first of the trials that train as this one does: itself, or the one it is a twin of."""
        return self.number if self.twin_of is None else self.twin_of

    @property
    def next_attempt(self) -> int:
        """A trial that goes on from a pause is still in the attempt that paused."""
        return self.attempts + 1 if self.is_taken_up or self.attempts == 0 else self.attempts

    @property
    def is_turned_away(self) -> bool:
        """Whether it was found not to fit before anything was spent on it. It counts for nothing."""
        return self.attempts == 0 and isinstance(self.end, TrialInfeasible)

    def too_large_micro_batch(self, checkpointed: bool = False) -> int | None:
        """The smallest micro-batch that it ran out of memory with, None where it never did.

        With `checkpointed` only what it ran out of under gradient checkpointing, which needs less.
        """
        sizes = (
            each.micro_batch_size
            for each in self.memory
            if isinstance(each, TrialOutOfMemory) and each.gradient_checkpointing >= checkpointed
        )
        return min(sizes, default=None)


@dataclass(slots=True)
class Standing:
    """`trials` by number; `reached` holds every trial's first arrivals at rungs, in the log's order."""

    trials: dict[int, TrialStanding] = field(default_factory=dict)
    reached: list[RungReached] = field(default_factory=list)
    base_suites: set[str] = field(default_factory=set)
    """Those that the base is scored on."""
    worked_seconds: float = 0.0
    """Over all drivers before the present one."""
    driver_since: float | None = None
    last_time: float = 0.0

    def apply(self, event: Event) -> None:
        """Takes one more event into account, in the order of the log."""
        if isinstance(event, DriverStarted):
            self._next_driver(event)
        elif isinstance(event, SuiteScored) and event.trial == BASE_TRIAL:
            self.base_suites.add(event.suite)
        elif isinstance(event, TrialAsked):
            trial = TrialStanding(event.trial, event.config, event.wave, event.twin_of)
            self.trials.setdefault(event.trial, trial)
        elif event.trial in self.trials:
            self._apply_to(self.trials[event.trial], event)
        self.last_time = max(self.last_time, event.time)

    def _next_driver(self, event: DriverStarted) -> None:
        if self.driver_since is not None:
            self.worked_seconds += max(self.last_time - self.driver_since, 0.0)
        self.driver_since = event.time

    def _apply_to(self, trial: TrialStanding, event: Event) -> None:
        if isinstance(event, TrialStarted):
            trial.attempts, trial.is_taken_up = event.attempt, True
        elif isinstance(event, RungReached):
            trial.is_taken_up = False
            if event.rung not in trial.rungs:
                trial.rungs[event.rung] = event
                self.reached.append(event)
        elif isinstance(event, MemoryMeasured | TrialOutOfMemory):
            trial.memory.append(event)
        elif isinstance(event, SuiteScored):
            trial.scores[event.suite] = event.score
        elif isinstance(event, TrialFailed) and not event.final:
            trial.failures += 1
        elif isinstance(event, End):
            trial.end = event

    def wave(self, number: int) -> list[TrialStanding]:
        """The trials of a wave, by number; empty for a wave that was not asked yet."""
        return [trial for trial in self.trials.values() if trial.wave == number]

    def last_wave(self) -> int:
        """-1 before there is one."""
        return max((trial.wave for trial in self.trials.values()), default=-1)

    def is_closed(self, wave: int) -> bool:
        """Whether all trials of the wave have ended; the last one not while all it has were turned away."""
        trials = self.wave(wave)
        if trials and wave == self.last_wave() and all(trial.is_turned_away for trial in trials):
            return False
        return all(trial.end is not None for trial in trials)

    def finished_count(self) -> int:
        return sum(trial.end is not None for trial in self.trials.values())

    def turned_away_count(self) -> int:
        return sum(trial.is_turned_away for trial in self.trials.values())


def standing_of(events: Iterable[Event]) -> Standing:
    """The standing after all of `events`."""
    standing = Standing()
    for event in events:
        standing.apply(event)
    return standing
