"""Means over answered cases."""

from collections.abc import Iterable, Sequence

from sweeper.events import CaseAnswer


def mean_of(scores: Iterable[float | None]) -> float | None:
    """The mean of the scores that there are, None where there is none."""
    found = [score for score in scores if score is not None]
    return sum(found) / len(found) if found else None


def mean_score(answers: Iterable[CaseAnswer]) -> float | None:
    """The mean over the cases that are scored."""
    return mean_of(answer.score for answer in answers)


def tag_scores(answers: Sequence[CaseAnswer]) -> dict[str, float]:
    """For each tag the mean over the scored cases that have it, in the order in which tags first come."""
    tags = dict.fromkeys(tag for answer in answers for tag in answer.tags)
    means = {tag: mean_score(answer for answer in answers if tag in answer.tags) for tag in tags}
    return {tag: mean for tag, mean in means.items() if mean is not None}
