"""Where more than a suite's score chooses, the best trial is the best by that, and it is shown."""

import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from sweeper.events import BASE_TRIAL, DriverStarted, Event, RungReached, TrialCompleted
from sweeper.report.as_json import as_json
from sweeper.report.comparison import verdict_lines
from sweeper.report.live import snapshot
from sweeper.report.plain import line_for
from sweeper.report.progress import SweepProgress, apply, replay
from sweeper.report.table import end_table, trials_table
from sweeper.report.ties import tied_trials
from sweeper.report.trial_frame import trial_frame
from tests.sweep_events import sweep_events

LOSSES = {0: 0.25, 2: 0.75, 3: 0.5}
"""Trial 2 has the best score, 0 the lowest loss."""


def events(objective: str) -> list[Event]:
    made: list[Event] = [DriverStarted(BASE_TRIAL, 0.0, objective)]
    for event in sweep_events():
        if isinstance(event, TrialCompleted):
            made.append(RungReached(event.trial, event.time, 0, 6, 48, LOSSES[event.trial]))
            event = dataclasses.replace(event, objective=-LOSSES[event.trial])
        made.append(event)
    return made


def printed(drawing: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=180)
    console.print(drawing)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("objective", "heading", "value"),
    [("target_loss", "target_", "0.250"), ("0.5 dev - 2 target_loss", "objective", "-0.250")],
)
def test_the_best_is_the_best_by_the_objective(objective: str, heading: str, value: str) -> None:
    progress = replay(SweepProgress("tickets", 4), events(objective))
    assert [trial.number for trial in progress.ranked] == [0, 3, 2]
    assert (progress.best and progress.best.number, progress.best and progress.best.score) == (0, 0.5)
    assert tied_trials(progress) == []  # cases tell of scores alone
    for table in (trials_table(progress), snapshot(progress, ["learning_rate"])):
        head, _, body = printed(table).partition("─")
        assert heading in head
        assert value in body
    assert "trial 0, best of 4 tried" in printed(end_table(progress))
    assert f"best by {objective}: {value}" in verdict_lines(progress)[0]
    found = as_json(progress, Path())
    assert (found["best"]["trial"], found["best"]["objective"], found["chosen_by"]) == (0, -0.25, objective)
    assert trial_frame(progress)["objective"].max() == -0.25


def test_a_log_tells_what_a_trial_came_to() -> None:
    made = events("target_loss")
    ends = [place for place, event in enumerate(made) if isinstance(event, TrialCompleted)]
    before = replay(SweepProgress("tickets", 4), made[: ends[1]])
    line = line_for(made[ends[1]], before, apply(before, made[ends[1]]), [], is_due=False)
    assert line == "trial 2 (3 of 4 finished) complete: target_loss 0.750, best so far target_loss 0.250"


def test_logs_of_before_are_chosen_by_score() -> None:
    assert replay(SweepProgress("tickets"), sweep_events()).is_by_score
