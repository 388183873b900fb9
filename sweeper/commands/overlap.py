"""The overlap guard as `sweep check` and `sweep start` run it."""

from collections.abc import Sequence

from rich.console import Console

from sweeper.data.load_rows import RowSet
from sweeper.report.overlap import overlap_text
from sweeper.scoring.overlap_guard import in_words, refuse_test_overlap, suite_overlaps
from sweeper.scoring.suite import Suite
from sweeper.space.space import Space


def guard_against_overlap(space: Space, rows: RowSet, suites: Sequence[Suite], console: Console) -> None:
    """Shows which cases of `suites`, all of the space's, stand among the training rows.

    Raises InputError where test has any, unless `data.allow_overlap`; in dev they make the search's
    scores flatter, which is told and no more.
    """
    for suite in suites:
        use = "test" if suite.path == space.test else "dev"
        overlaps = suite_overlaps(rows, suite)
        if overlaps:
            headline = f"evaluation.{use} ({suite.name}): {in_words(suite, overlaps)}."
            console.print(overlap_text(headline, overlaps), soft_wrap=True)
        if use == "test" and not space.data.allow_overlap:
            refuse_test_overlap(suite, overlaps)
