"""Successive halving within one wave: who trains on, and who is out. Pure.

After Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter
Optimization" (2016), with pausing in place of starting again. Every decision waits until all that it
compares is there, so it depends neither on the order in which trials come in nor on how many workers
bring them. Not covered: several brackets (Hyperband).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from sweeper.events import TrialCompleted
from sweeper.space.pruner import PrunerSettings
from sweeper.standing import TrialStanding

FINALIST_MARGIN = 0.1
"""A further finalist trains to its end only if its loss is at most this share above the first one's.

In benchmarks/search.py the second finalists that are further off cost 5 % of all tokens, for most of
what leads has many epochs, and did not make the winner better.
"""


@dataclass(frozen=True, slots=True)
class Leg:
    """Train trial `number` up to `rung` and pause there; to its end where that is the last one."""

    number: int
    rung: int


@dataclass(frozen=True, slots=True)
class Loser:
    """Trial `number` trains no further, and why."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class WaveStep:
    """What a wave needs next: trials to stop, else legs in any order, else nothing: it is over."""

    legs: tuple[Leg, ...] = ()
    losers: tuple[Loser, ...] = ()


def quotas(pruner: PrunerSettings, wave_size: int) -> list[int]:
    """How many trials of a wave train to each rung: all, then one in `reduction_factor`, then finalists.

    Rounded down, and never fewer than `finalists`: 9 trials go on as 3 and 2, 8 as 2 and 2.
    """
    counts = [wave_size]
    for _ in range(pruner.last_rung):
        counts.append(min(counts[-1], max(counts[-1] // pruner.reduction_factor, pruner.finalists)))
    if pruner.last_rung > 0:
        counts[-1] = min(counts[-1], pruner.finalists)
    return counts


def expected_share(pruner: PrunerSettings, trials: int) -> float:
    """How much of all trials' training halving lets through, where they are equally long and none breaks.

    1 where nobody is stopped in waves; of `asha` it is an upper bound in practice.
    """
    if pruner.type == "none":
        return 1.0
    size = min(trials, max(pruner.wave, 1) if pruner.type == "halving" else trials)
    shares = (Fraction(0), *pruner.rungs)
    parts = (
        quota * (share - before)
        for quota, before, share in zip(quotas(pruner, size), shares, pruner.rungs, strict=False)
    )
    return float(sum(parts) / size)


def halving_step(pruner: PrunerSettings, wave: Sequence[TrialStanding]) -> WaveStep:
    """What the wave needs next.

    A trial that breaks (diverges, fails, proves infeasible) on its way to a rung leaves its place there
    to the next best of those that came to the rung before. One that breaks later keeps the place it
    had: giving that away too would let a trial overtake others that have trained on meanwhile, and
    the outcome would hang on which came first.
    """
    arrived = list(wave)
    for rung, quota in enumerate(quotas(pruner, len(wave))):
        if rung > 0:
            arrived.sort(key=lambda trial: _rank(trial, rung - 1))
        is_last = rung == pruner.last_rung
        admitted = [trial for trial in arrived if not _broke_before(trial, rung, is_last)][:quota]
        if is_last and rung > 0:
            admitted = _close_to_first(admitted, rung - 1)
        lacking = sorted(trial.number for trial in admitted if not _has_reached(trial, rung, is_last))
        if lacking:
            return WaveStep(legs=tuple(Leg(number, rung) for number in lacking))
        arrived = admitted
    paused = sorted((trial for trial in wave if trial.end is None), key=lambda trial: trial.number)
    return WaveStep(losers=tuple(Loser(trial.number, _reason(trial, pruner)) for trial in paused))


def train_all_step(pruner: PrunerSettings, wave: Sequence[TrialStanding]) -> WaveStep:
    """What a wave needs next where none is stopped: all trials go to their ends."""
    still_open = sorted(trial.number for trial in wave if trial.end is None)
    return WaveStep(legs=tuple(Leg(number, pruner.last_rung) for number in still_open))


def _close_to_first(ranked: list[TrialStanding], rung: int) -> list[TrialStanding]:
    return [
        trial
        for trial in ranked
        if _rank(trial, rung)[0] <= (1 + FINALIST_MARGIN) * _rank(ranked[0], rung)[0]
    ]


def _has_reached(trial: TrialStanding, rung: int, is_last: bool) -> bool:
    """At the last rung, as at an earlier one that was its end, a trial is there only when it is scored.

    Were others to go on while it is scored, it could be stopped meanwhile, and whether it is would hang
    on which is faster.
    """
    if isinstance(trial.end, TrialCompleted):
        return True
    return rung in trial.rungs and not is_last and not (trial.rungs[rung].is_end and trial.end is None)


def _broke_before(trial: TrialStanding, rung: int, is_last: bool) -> bool:
    return trial.end is not None and not _has_reached(trial, rung, is_last)


def _rank(trial: TrialStanding, rung: int) -> tuple[float, int]:
    """The lowest loss first, of equal ones the first asked.

    A trial that ended at an early rung, since it has so few steps or was stopped early on its way there,
    was complete there, and has no later one.
    """
    last = max((each for each in trial.rungs if each <= rung), default=None)
    return (math.inf if last is None else trial.rungs[last].value), trial.number


def _reason(trial: TrialStanding, pruner: PrunerSettings) -> str:
    rung = max(trial.rungs)
    value = trial.rungs[rung].value
    return f"target_loss {value:.4g} was not among the lowest of its wave at {pruner.rungs[rung]} of training"
