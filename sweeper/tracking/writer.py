"""From a sweep's events to its runs in MLflow.

Every write here may be repeated: runs are found again by their tags, points carry the event's time,
artifacts are written whole. So a writer may begin at any earlier event and end with the same result.
"""

from collections.abc import Iterable
from pathlib import Path

from sweeper.events import (
    BASE_TRIAL,
    Event,
    StepTrained,
    SuiteScored,
    TrialCompleted,
    TrialDiverged,
    TrialFailed,
    TrialStarted,
)
from sweeper.home import SweepFolder
from sweeper.tracking.records import (
    answer_table,
    point,
    safe_name,
    score_points,
    step_points,
    table_list,
    trial_parameters,
)
from sweeper.tracking.runs import RunStatus, SweepRuns
from sweeper.tracking.standing import Standing

_REASON_CHARACTERS = 1000


class Writer:
    """Writes events in the log's order. After any error throw it away and make a new one: what it
    has noted may then be ahead of what it has written."""

    def __init__(self, runs: SweepRuns, folder: SweepFolder, space_file: Path) -> None:
        self._runs = runs
        self._folder = folder
        self._space_file = space_file
        self._standing = Standing()
        self._has_reopened = False

    def skip(self, events: Iterable[Event]) -> None:
        """Takes note of events that are written already."""
        for event in events:
            self._standing.apply(event)

    def write(self, events: Iterable[Event]) -> None:
        """Writes events that follow those skipped or written before."""
        if not self._has_reopened:
            self._runs.reopen(self._runs.sweep)
            self._runs.put_files(self._runs.sweep, self._space_file)
            self._has_reopened = True
        for event in events:
            self._standing.apply(event)
            self._write(event)
        self._runs.flush_all()

    def close(self, status: RunStatus) -> None:
        """Ends the sweep's own run, at the time of the last event."""
        self._runs.end(self._runs.sweep, status, self._standing.last_time)
        self._has_reopened = False

    def _write(self, event: Event) -> None:
        if isinstance(event, StepTrained):
            self._runs.add(self._run_of(event), *step_points(event))
        elif isinstance(event, TrialStarted):
            self._start(event)
        elif isinstance(event, SuiteScored):
            self._score(event)
        elif isinstance(event, TrialCompleted):
            self._complete(event)
        elif isinstance(event, TrialDiverged):
            self._break_off(event, event.reason, "KILLED")
        elif isinstance(event, TrialFailed):
            self._break_off(event, event.reason, "FAILED")

    def _start(self, event: TrialStarted) -> None:
        self._runs.void_before(_tag_of(event), event.attempt)
        config = self._standing.of(event.trial).config
        if config is not None:
            self._runs.log_parameters(self._run_of(event), trial_parameters(config, event))

    def _score(self, event: SuiteScored) -> None:
        run_id, trial = self._run_of(event), self._standing.of(event.trial)
        self._runs.add(run_id, *score_points(event, trial.examples))
        self._runs.put_text(run_id, _table_path(event.suite), answer_table(event.answers))
        tables = [_table_path(suite) for suite in trial.suites]
        self._runs.set_tag(run_id, "mlflow.loggedArtifacts", table_list(tables))
        if self._standing.is_base_score(event) and event.score is not None:
            self._runs.add(self._runs.sweep, point("base_score", event.score, event.time, 0))
        if event.trial == BASE_TRIAL:
            self._runs.end(run_id, "FINISHED", event.time)

    def _complete(self, event: TrialCompleted) -> None:
        run_id, trial = self._run_of(event), self._standing.of(event.trial)
        self._runs.add(run_id, point("train_seconds", event.train_seconds, event.time, trial.examples))
        self._runs.put_files(run_id, self._folder.path / event.adapter, "adapter")
        self._end(event, "FINISHED")
        self._write_best(event.time)

    def _write_best(self, time: float) -> None:
        standing = self._standing
        if standing.best_objective is not None:
            best = point("best_score", standing.best_objective, time, standing.completed)
            self._runs.add(self._runs.sweep, best)
            self._runs.set_tag(self._runs.sweep, "sweeper.best_trial", str(standing.best_trial))

    def _break_off(self, event: TrialDiverged | TrialFailed, reason: str, status: RunStatus) -> None:
        self._runs.set_tag(self._run_of(event), "sweeper.reason", reason[:_REASON_CHARACTERS])
        self._end(event, status)

    def _end(self, event: Event, status: RunStatus) -> None:
        run_id, trial = self._run_of(event), self._standing.of(event.trial)
        self._runs.add(run_id, point("tokens", trial.tokens, event.time, trial.examples))
        self._runs.end(run_id, status, event.time)

    def _run_of(self, event: Event) -> str:
        attempt = self._standing.of(event.trial).attempt
        name = "base" if event.trial == BASE_TRIAL else f"trial {event.trial}"
        return self._runs.of_trial(_tag_of(event), attempt, name, event.time)


def _tag_of(event: Event) -> str:
    return "base" if event.trial == BASE_TRIAL else str(event.trial)


def _table_path(suite: str) -> str:
    return f"answers/{safe_name(suite)}.json"
