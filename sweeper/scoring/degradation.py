"""Whether tuning cost a model what it could do before, and what to do about it.

A guard suite asks for general things that the training rows do not teach. The winner need not be
better there than the base; it should not be worse by more than a margin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sweeper.scoring.statistics import Comparison
from sweeper.space.trial_config import TrialConfig

MARGIN = 0.1
"""A loss of less than this share of the cases is taken as the price of tuning."""
_CLEARLY_LESS = 0.5
_AS_GOOD = 0.05
"""A dev score lower by this is taken as good enough for a model that keeps more."""

Verdict = Literal["degraded", "kept", "unclear"]


def verdict_on(guard: Comparison, margin: float = MARGIN) -> Verdict:
    """`guard` is the winner over the base on a guard suite.

    "degraded": it lost at least `margin`, and chance is ruled out. "kept": the interval rules out a loss
    of more than `margin`. "unclear": the cases are too few to say either.
    """
    if guard.difference <= -margin and guard.interval.high < 0:
        return "degraded"
    return "kept" if guard.interval.low >= -margin else "unclear"


@dataclass(frozen=True, slots=True)
class ShownTrial:
    """What a trial showed: its score on dev, the examples it trained on, and its score on the guard suite
    where that was asked."""

    number: int
    config: TrialConfig
    score: float
    examples: int
    guard_score: float | None = None


def advice(winner: ShownTrial, trials: Sequence[ShownTrial]) -> list[str]:
    """What helps a degraded winner, by what the trials showed, the most promising first.

    A trial that trained more gently and scores as well is named. Where there is none, what the winner's
    own parameters leave room for: a lower learning rate, fewer steps; more varied data always helps.
    """
    as_good = [
        trial
        for trial in trials
        if trial.number != winner.number
        and trial.score >= winner.score - _AS_GOOD
        and not _keeps_less(trial, winner)
    ]
    gentler = [*_lower_rate(winner, as_good, trials), *_fewer_steps(winner, as_good)]
    data = "More varied data: put rows of other tasks among those of your own, so that it goes on doing both"
    return [*gentler, data]


def worth_asking(winner: ShownTrial, trials: Sequence[ShownTrial], most: int = 2) -> list[int]:
    """Of a degraded winner: the trials that may be named as its way out, once they are asked too.

    They score as well on dev and trained more gently. The highest scores first.
    """
    gentler = [
        trial
        for trial in trials
        if trial.number != winner.number
        and trial.score >= winner.score - _AS_GOOD
        and (
            trial.config.learning_rate <= _CLEARLY_LESS * winner.config.learning_rate
            or trial.examples <= _CLEARLY_LESS * winner.examples
        )
    ]
    best_first = sorted(gentler, key=lambda trial: (-trial.score, trial.number))
    return [trial.number for trial in best_first[:most]]


def _keeps_less(trial: ShownTrial, winner: ShownTrial) -> bool:
    """Known to do no better on the guard suite: no way out."""
    known = trial.guard_score is not None and winner.guard_score is not None
    return known and (trial.guard_score or 0.0) <= (winner.guard_score or 0.0)


def _lower_rate(winner: ShownTrial, as_good: Sequence[ShownTrial], trials: Sequence[ShownTrial]) -> list[str]:
    rate = winner.config.learning_rate
    lower = [trial for trial in as_good if trial.config.learning_rate <= _CLEARLY_LESS * rate]
    if lower:
        best = max(lower, key=lambda trial: (trial.guard_score or 0.0, trial.score))
        told = _shown(best, winner, f"{best.config.learning_rate:.2g}", f"{rate:.2g}")
        return [f"A lower learning rate: {told}"]
    tried_lower = [trial for trial in trials if trial.config.learning_rate <= _CLEARLY_LESS * rate]
    if tried_lower:  # and they score worse
        return []
    return [f"A lower learning rate: none below half of trial {winner.number}'s {rate:.2g} was tried"]


def _fewer_steps(winner: ShownTrial, as_good: Sequence[ShownTrial]) -> list[str]:
    shorter = [trial for trial in as_good if trial.examples <= _CLEARLY_LESS * winner.examples]
    if shorter:
        best = max(shorter, key=lambda trial: (trial.guard_score or 0.0, trial.score))
        return [f"Fewer steps: {_shown(best, winner, f'{best.examples:,} examples', f'{winner.examples:,}')}"]
    epochs = winner.config.num_train_epochs
    if epochs is not None and epochs > 1:
        return [f"Fewer steps: trial {winner.number} saw each row {epochs:g} times"]
    return []


def _shown(trial: ShownTrial, winner: ShownTrial, its: str, the_winners: str) -> str:
    kept = "" if trial.guard_score is None else f" and {trial.guard_score:.2f} on the guard suite"
    return (
        f"trial {trial.number} ({its} against {the_winners}) scores {trial.score:.2f} on dev{kept}, "
        f"trial {winner.number} {winner.score:.2f}"
    )
