"""Holds the training rows against the cases of a suite."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence

from sweeper.data.load_rows import RowSet
from sweeper.data.overlap import KINDS, Overlap, OverlapKind, Sample, find_overlaps
from sweeper.data.rows import Chat, Row, TrainingRow
from sweeper.errors import InputError
from sweeper.scoring.suite import Case, Suite

_IN_WORDS: dict[OverlapKind, str] = {
    "same": "the same",
    "13 words": "with 13 words or more in a row",
    "few changed": "with a few words changed and the same answer",
}


def suite_overlaps(rows: RowSet, suite: Suite) -> list[Overlap]:
    """The cases of `suite` that stand among `rows`, the worst first. Rows are named by line or number."""
    unit = "line" if rows.counts_lines else "row"
    samples = [
        sample
        for number, row in zip(rows.numbers, rows.rows, strict=True)
        for sample in _samples_of_row(f"{unit} {number}", row)
    ]
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


def _samples_of_row(name: str, row: TrainingRow) -> Iterator[Sample]:
    """Of a chat, each answer with the turn before it; a plain text has no answer of its own."""
    if isinstance(row, Row):
        yield Sample(name, row.instruction, row.input, row.output)
    elif isinstance(row, Chat):
        system = " ".join(turn.content for turn in row.messages if turn.role == "system")
        for asked, answered in itertools.pairwise(row.messages):
            if answered.role == "assistant":
                yield Sample(name, system, asked.content, answered.content)
    else:
        yield Sample(name, "", row.text, None)


def _sample_of_case(case: Case) -> Sample:
    """Of a chat its last turn, which is the one that is answered."""
    name, answer = f"case '{case.id}'", _answer_of(case)
    if not case.messages:
        return Sample(name, case.instruction, case.input, answer)
    system = " ".join(turn.content for turn in case.messages if turn.role == "system")
    return Sample(name, system, case.messages[-1].content, answer)


def _answer_of(case: Case) -> str | None:
    """What is expected, or the value of the only assertion if that can stand as an answer."""
    if case.expected or len(case.checks) != 1:
        return case.expected or None
    value = case.checks[0].value
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, dict | list) else None
