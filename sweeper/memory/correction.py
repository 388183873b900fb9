"""By how much predictions have turned out too low in a sweep. Pure."""

from collections.abc import Iterable

from sweeper.events import MemoryMeasured, TrialOutOfMemory


def correction(
    events: Iterable[MemoryMeasured | TrialOutOfMemory], limit_bytes: int, of_cohorts: bool = False
) -> float:
    """What predictions are to be multiplied with: 1, or more where a step held more than was predicted.

    A step that ran out of memory without being measured held more than `limit_bytes`, all that there is.
    Predictions are of the heaviest step, so one that measured less says nothing. What several trials held
    side by side counts `of_cohorts` alone: it hangs on who is faster, and what is proposed must not.
    """
    shares = [1.0]
    for event in events:
        if isinstance(event, MemoryMeasured) and event.cohort > 1 and not of_cohorts:
            continue
        held = event.measured_bytes
        if isinstance(event, TrialOutOfMemory):
            held = max(held or 0, limit_bytes)
        if held is not None and event.predicted_bytes:
            shares.append(held / event.predicted_bytes)
    return max(shares)
