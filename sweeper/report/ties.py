"""Trials between which the dev cases cannot tell."""

from sweeper.report.progress import SweepProgress, TrialProgress
from sweeper.scoring.pairing import compare_answers

_MOST_COMPARED = 10
_RESAMPLES = 2_000
"""Enough to say whether an interval holds 0, and a table of ten does not keep anybody waiting."""


def tied_trials(progress: SweepProgress) -> list[TrialProgress]:
    """The best trial and those whose paired interval against it holds 0, the cheapest first.

    Cheap is to train on few examples, then to be of low rank. Only the ten highest scores are
    compared. Empty where the best stands alone, and where more than that score has chosen it.
    """
    best = progress.best
    if best is None or not progress.is_by_score:
        return []
    others = progress.ranked[:_MOST_COMPARED]
    tied = [trial for trial in others if trial.number != best.number and _is_tied(trial, best)]
    return sorted([best, *tied], key=_cost) if tied else []


def _is_tied(trial: TrialProgress, best: TrialProgress) -> bool:
    found = compare_answers(trial.answers, best.answers, resamples=_RESAMPLES)
    return found is not None and found.interval.holds(0.0)


def _cost(trial: TrialProgress) -> tuple[int, int, int]:
    rank = trial.config.lora_rank if trial.config else 0
    return trial.examples, rank, trial.number
