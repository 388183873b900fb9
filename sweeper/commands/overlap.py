"""The overlap guard as `sweep check` and `sweep start` run it."""

from rich.console import Console

from sweeper.data.load_rows import RowSet
from sweeper.report.overlap import overlap_text
from sweeper.scoring.overlap_guard import in_words, refuse_test_overlap, suite_overlaps
from sweeper.scoring.space_suites import SpaceSuites
from sweeper.space.space import Space


def guard_against_overlap(space: Space, rows: RowSet, suites: SpaceSuites, console: Console) -> None:
    """Shows which cases of the space's dev and test stand among the training rows.

    Raises InputError where test has any, unless `data.allow_overlap`; in dev they make the search's
    scores flatter, which is told and no more.
    """
    for use, suite in suites.by_use():
        if use == "guard" or suite.harness is not None:  # what the rows teach is not what it asks for
            continue
        overlaps = suite_overlaps(rows, suite)
        if overlaps:
            headline = f"evaluation.{use} ({suite.name}): {in_words(suite, overlaps)}."
            console.print(overlap_text(headline, overlaps), soft_wrap=True)
        if use == "test" and not space.data.allow_overlap:
            refuse_test_overlap(suite, overlaps)
