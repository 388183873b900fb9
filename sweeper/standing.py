"""Where a sweep stands, folded from its events: what a resumed driver needs to know."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sweeper.events import (
    BASE_TRIAL,
    Event,
    SuiteScored,
    TrialAsked,
    TrialCompleted,
    TrialDiverged,
    TrialFailed,
    TrialStarted,
)

End = TrialCompleted | TrialDiverged | TrialFailed


@dataclass(slots=True)
class Standing:
    """`attempts` and `failures` count by trial; `ends` holds the event that ended a trial for good."""

    asked: set[int] = field(default_factory=set)
    attempts: dict[int, int] = field(default_factory=dict)
    failures: dict[int, int] = field(default_factory=dict)
    ends: dict[int, End] = field(default_factory=dict)
    base_suites: set[str] = field(default_factory=set)
    """Those that the base is scored on."""

    def apply(self, event: Event) -> None:
        """Takes one more event into account, in the order of the log."""
        if isinstance(event, TrialAsked):
            self.asked.add(event.trial)
        elif isinstance(event, TrialStarted):
            self.attempts[event.trial] = event.attempt
        elif isinstance(event, TrialFailed) and not event.final:
            self.failures[event.trial] = self.failures.get(event.trial, 0) + 1
        elif isinstance(event, End):
            self.ends[event.trial] = event
        elif isinstance(event, SuiteScored) and event.trial == BASE_TRIAL:
            self.base_suites.add(event.suite)


def standing_of(events: Iterable[Event]) -> Standing:
    """The standing after all of `events`."""
    standing = Standing()
    for event in events:
        standing.apply(event)
    return standing
