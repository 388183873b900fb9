"""What a sweep's workers do with their time, folded from its events: slots, tokens, time in training."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sweeper.events import (
    DriverStarted,
    Event,
    RungReached,
    StepTrained,
    TrialCompleted,
    TrialDiverged,
    TrialFailed,
    TrialInfeasible,
    TrialPruned,
    TrialStarted,
)

_LEAVES = (RungReached, TrialCompleted, TrialDiverged, TrialFailed, TrialInfeasible, TrialPruned)
"""After these a trial is in no slot, until a worker takes it up again."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a trial is: its last sign of training, its row tokens and computed ones up to there."""

    time: float
    tokens: int = 0
    computed_tokens: int = 0
    examples: int = 0
    total_examples: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """`training_seconds` is the time in which at least one trial trained, `worked_seconds` all that drivers
    ran, the present one up to its last event. Tokens are over all trials, each counted once.

    `halving_tokens` are those that stopped trials did not come to; `sharing_tokens` those that were not
    computed, for rows share what they begin with, less the padding.
    """

    slots: Mapping[int, Place] = field(default_factory=dict)
    """The trials that train now."""
    places: Mapping[int, Place] = field(default_factory=dict)
    tokens: int = 0
    sharing_tokens: int = 0
    halving_tokens: int = 0
    training_seconds: float = 0.0
    worked_seconds: float = 0.0
    covered_until: float = 0.0
    last_time: float | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """Of all trials, over the time in which they trained; None before the first step."""
        return self.tokens / self.training_seconds if self.training_seconds else None

    @property
    def training_share(self) -> float | None:
        """Of the time that the sweep ran; the rest is loading, scoring, measuring and waiting."""
        return self.training_seconds / self.worked_seconds if self.worked_seconds else None


def work_after(work: Work, event: Event) -> Work:
    """The work after one more event, in the order of the log."""
    work = _timed(work, event)
    if isinstance(event, TrialStarted):
        before = work.places.get(event.trial, Place(event.time))
        goes_on = event.resumed_step > 0
        place = replace(
            before if goes_on else Place(0.0), time=event.time, total_examples=event.total_examples
        )
        return _placed(work, event.trial, place)
    if isinstance(event, StepTrained) and event.trial in work.slots:
        return _stepped(work, event)
    if isinstance(event, _LEAVES) and event.trial in work.places:
        saved = _unspent(work.places[event.trial]) if isinstance(event, TrialPruned) else 0
        slots = {number: place for number, place in work.slots.items() if number != event.trial}
        return replace(work, slots=slots, halving_tokens=work.halving_tokens + saved)
    return work


def _timed(work: Work, event: Event) -> Work:
    """Between two drivers the sweep slept, and no trial was in a slot."""
    if isinstance(event, DriverStarted) or work.last_time is None:
        return replace(work, last_time=event.time, slots={})
    spent = max(event.time - work.last_time, 0.0)
    last = max(event.time, work.last_time)
    return replace(work, worked_seconds=work.worked_seconds + spent, last_time=last)


def _placed(work: Work, trial: int, place: Place) -> Work:
    return replace(work, slots={**work.slots, trial: place}, places={**work.places, trial: place})


def _stepped(work: Work, event: StepTrained) -> Work:
    before = work.slots[event.trial]
    since = max(before.time, work.covered_until)
    tokens = max(event.tokens - before.tokens, 0)  # a resumed step is told again
    computed = event.computed_tokens - before.computed_tokens if event.computed_tokens else tokens
    place = Place(event.time, event.tokens, event.computed_tokens, event.examples, before.total_examples)
    work = replace(
        work,
        tokens=work.tokens + tokens,
        sharing_tokens=work.sharing_tokens + tokens - computed,
        training_seconds=work.training_seconds + max(event.time - since, 0.0),
        covered_until=max(event.time, work.covered_until),
    )
    return _placed(work, event.trial, place)


def _unspent(place: Place) -> int:
    """The tokens of the examples that a stopped trial did not see, if they are as long as those it saw."""
    if not place.examples:
        return 0
    return place.tokens * (place.total_examples - place.examples) // place.examples


def work_line(work: Work) -> str | None:
    """'2 slots   441 tokens/s   87 % of the time training   saved 31k tokens by halving, 12k by sharing'."""
    parts = work_parts(work)
    return "   ".join(parts) if parts else None


def work_parts(work: Work) -> list[str]:
    """What `work_line` is made of; nothing before the first step. Slots are left out while there are none."""
    rate, share = work.tokens_per_second, work.training_share
    if rate is None or share is None:
        return []
    parts = [f"{len(work.slots)} slot{'' if len(work.slots) == 1 else 's'}"] if work.slots else []
    parts += [f"{rate:,.0f} tokens/s", f"{share:.0%} of the time training"]
    saved = [
        f"{_thousands(tokens)} by {how}"
        for tokens, how in ((work.halving_tokens, "halving"), (work.sharing_tokens, "sharing"))
        if tokens > 0
    ]
    if saved:
        parts.append(f"tokens saved: {', '.join(saved)}")
    return parts


def _thousands(tokens: int) -> str:
    return f"{tokens / 1000:,.0f}k" if tokens >= 10_000 else f"{tokens:,}"
