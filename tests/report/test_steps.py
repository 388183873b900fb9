"""A command's steps, as they are printed where nothing is redrawn."""

import contextlib
import io

from rich.console import Console

from sweeper.report.steps import StepsView


def test_results_stand_behind_their_step() -> None:
    console = Console(file=io.StringIO(), width=80)
    with StepsView(console) as view:
        view.progress("convert", None)
        view.tell("270 MB")
        view.progress("upload", 0.5)
        view.progress("upload", 1.0)
        view.tell("holds: [digests]")
    assert told(console) == ["convert", "270 MB", "upload", "holds: [digests]"]


def test_a_result_of_no_step_is_shown_at_once() -> None:
    console = Console(file=io.StringIO(), width=80)
    view = StepsView(console)
    view.tell("holds: gate")
    assert told(console) == ["holds: gate"]


def test_a_step_that_breaks_off_is_not_told_as_done() -> None:
    console = Console(file=io.StringIO(), width=80)
    view = StepsView(console)
    with contextlib.suppress(ValueError), view:
        view.progress("merge", None)
        raise ValueError("no")
    assert told(console) == []


def told(console: Console) -> list[str]:
    """The lines, without a step's time."""
    assert isinstance(console.file, io.StringIO)
    return [line.split(" (")[0].strip() for line in console.file.getvalue().splitlines()]
