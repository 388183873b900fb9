"""Holds the training rows against the cases of a suite."""

from collections import Counter
from collections.abc import Sequence

from sweeper.data.overlap import KINDS, Overlap, OverlapKind, Sample, find_overlaps
from sweeper.data.rows import Row
from sweeper.errors import InputError
from sweeper.scoring.suite import Case, Suite

_IN_WORDS: dict[OverlapKind, str] = {
    "same": "the same",
    "13 words": "with 13 words or more in a row",
    "few changed": "with a few words changed and the same answer",
}


def suite_overlaps(rows: Sequence[Row], suite: Suite) -> list[Overlap]:
    """The cases of `suite` that stand among `rows`, the worst first. Rows are named by number, from 1."""
    samples = [_sample_of_row(number, row) for number, row in enumerate(rows, 1)]
    return find_overlaps(samples, [_sample_of_case(case) for case in suite.cases])


def in_words(suite: Suite, overlaps: Sequence[Overlap]) -> str:
    """'5 of 60 cases stand among the training rows: 3 the same, 2 with a few words changed ...'."""
    counts = Counter(overlap.kind for overlap in overlaps)
    kinds = ", ".join(f"{counts[kind]} {_IN_WORDS[kind]}" for kind in KINDS if counts[kind])
    return f"{len(overlaps)} of {len(suite.cases)} cases stand among the training rows: {kinds}"


def refuse_test_overlap(suite: Suite, overlaps: Sequence[Overlap]) -> None:
    """Raises InputError where there is any: a score on cases that were trained on is no claim."""
    if not overlaps:
        return
    worst = overlaps[0]
    raise InputError(
        f"evaluation.test ({suite.name})",
        f"{in_words(suite, overlaps)}; the worst is {worst.case.name} beside {worst.row.name}",
        "Take those rows out of data.train, or write `allow_overlap: true` under data",
    )


def _sample_of_row(number: int, row: Row) -> Sample:
    return Sample(f"row {number}", row.instruction, row.input, row.output)


def _sample_of_case(case: Case) -> Sample:
    return Sample(f"case '{case.id}'", case.instruction, case.input, case.expected or None)
