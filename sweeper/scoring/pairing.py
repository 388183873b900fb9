"""Two models' answers to the same cases, beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.events import CaseAnswer
from sweeper.scoring.statistics import RESAMPLES, Comparison, compare_paired


@dataclass(frozen=True, slots=True)
class Pair:
    """A case that both models have a score for. `group` names cases that belong together."""

    case_id: str
    base: float
    other: float
    group: str | None


def paired(base: Sequence[CaseAnswer], other: Sequence[CaseAnswer]) -> list[Pair]:
    """The cases that both have a score for, found by their ids, in the order of `other`."""
    scores = {answer.case_id: answer.score for answer in base}
    pairs = []
    for answer in other:
        score = scores.get(answer.case_id)
        if score is not None and answer.score is not None:
            pairs.append(Pair(answer.case_id, score, answer.score, answer.group))
    return pairs


def compare_answers(
    base: Sequence[CaseAnswer], other: Sequence[CaseAnswer], resamples: int = RESAMPLES
) -> Comparison | None:
    """How much better `other` answers than `base`; None where they share no scored case."""
    pairs = paired(base, other)
    if not pairs:
        return None
    return compare_paired(
        [pair.base for pair in pairs],
        [pair.other for pair in pairs],
        [pair.group for pair in pairs],
        resamples=resamples,
    )
