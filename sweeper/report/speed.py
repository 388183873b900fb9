"""How fast a sweep trained, by its events."""

from collections.abc import Iterable
from dataclasses import dataclass

from sweeper.events import Event, StepTrained, TrialStarted


@dataclass(frozen=True, slots=True)
class Speed:
    """Row tokens a second in training, and the sweep in which they were measured."""

    tokens_per_second: float
    sweep: str


def tokens_per_second(events: Iterable[Event]) -> float | None:
    """Row tokens a second over all steps of a log; None before two steps of one attempt.

    From the first step's end to the last one's of each attempt, so loading and scoring do not count.
    """
    begun: dict[int, StepTrained] = {}
    last: dict[int, StepTrained] = {}
    tokens, seconds = 0, 0.0
    for event in events:
        if isinstance(event, StepTrained):
            begun.setdefault(event.trial, event)
            last[event.trial] = event
        elif isinstance(event, TrialStarted) and event.trial in begun:
            first, end = begun.pop(event.trial), last.pop(event.trial)
            tokens, seconds = tokens + end.tokens - first.tokens, seconds + end.time - first.time
    for trial, first in begun.items():
        tokens, seconds = tokens + last[trial].tokens - first.tokens, seconds + last[trial].time - first.time
    return tokens / seconds if tokens > 0 and seconds > 0 else None
