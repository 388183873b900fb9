"""From a sweep's events to its runs in MLflow.

Every write here may be repeated: runs are found again by their tags, points carry the event's time,
artifacts are written whole. So a writer may begin at any earlier event and end with the same result.
"""

from collections.abc import Iterable

from sweeper.events import (
    BASE_TRIAL,
    Event,
    MemoryMeasured,
    RungReached,
    StepTrained,
    SuiteScored,
    SystemSampled,
    TrialCompleted,
    TrialDiverged,
    TrialFailed,
    TrialInfeasible,
    TrialPruned,
    TrialStarted,
    ValidationLoss,
)
from sweeper.home import SweepFolder
from sweeper.space.space import Space
from sweeper.tracking.inputs import dataset_of, installed_packages
from sweeper.tracking.records import (
    answer_table,
    curve_points,
    memory_points,
    point,
    safe_name,
    score_points,
    table_list,
    trial_parameters,
)
from sweeper.tracking.runs import STATE, RunStatus, SweepRuns
from sweeper.tracking.standing import Standing

_REASON_CHARACTERS = 1000

_BrokenOff = TrialDiverged | TrialPruned | TrialInfeasible | TrialFailed
_STATES: dict[type[Event], tuple[str, RunStatus]] = {
    TrialDiverged: ("diverged", "KILLED"),
    TrialPruned: ("pruned", "KILLED"),
    TrialInfeasible: ("infeasible", "KILLED"),
    TrialFailed: ("failed", "FAILED"),
}


class Writer:
    """Writes events in the log's order. After any error throw it away and make a new one: what it
    has noted may then be ahead of what it has written."""

    def __init__(self, runs: SweepRuns, folder: SweepFolder, space: Space) -> None:
        self._runs = runs
        self._folder = folder
        self._space_file = space.path
        self._dataset = dataset_of(space.data)
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
            self._runs.put_text(self._runs.sweep, "packages.txt", installed_packages())
            self._runs.log_dataset(self._runs.sweep, self._dataset)
            self._has_reopened = True
        for event in events:
            is_repeated = self._standing.is_repeated(event)
            self._standing.apply(event)
            if not is_repeated:
                self._write(event)
        self._runs.flush_all()

    def close(self, status: RunStatus) -> None:
        """Ends the sweep's own run, at the time of the last event, and those that will go on another day."""
        for number in self._standing.open_trials():
            run_id = self._run_of_trial(number)
            self._runs.set_tag(run_id, STATE, "paused")
            self._runs.end(run_id, "KILLED", self._standing.last_time)
        self._runs.end(self._runs.sweep, status, self._standing.last_time)
        self._has_reopened = False

    def _write(self, event: Event) -> None:
        if isinstance(event, StepTrained | ValidationLoss | SystemSampled):
            self._runs.add(self._run_of(event), *curve_points(event))
        elif isinstance(event, RungReached):
            self._reach(event)
        elif isinstance(event, TrialStarted):
            self._start(event)
        elif isinstance(event, MemoryMeasured):
            examples = self._standing.of(event.trial).examples
            self._runs.add(self._run_of(event), *memory_points(event, examples))
        elif isinstance(event, SuiteScored):
            self._score(event)
        elif isinstance(event, TrialCompleted):
            self._complete(event)
        elif isinstance(event, _BrokenOff):
            self._break_off(event)

    def _start(self, event: TrialStarted) -> None:
        """A start that goes back gets a run of its own, with what is kept of the curves before it."""
        trial = self._standing.of(event.trial)
        self._runs.void_before(_tag_of(event.trial), trial.take, event.time)
        run_id = self._run_of(event)
        self._runs.reopen(run_id)
        self._runs.set_tag(run_id, STATE, "running")
        if trial.config is not None:
            self._runs.log_parameters(run_id, trial_parameters(trial.config, event))
        self._runs.log_dataset(run_id, self._dataset)
        for each in self._standing.carried:
            self._write(each)

    def _reach(self, event: RungReached) -> None:
        run_id = self._run_of(event)
        self._runs.add(run_id, point("rung_value", event.value, event.time, event.examples))
        self._runs.set_tag(run_id, "sweeper.rung", str(event.rung))

    def _score(self, event: SuiteScored) -> None:
        run_id, trial = self._run_of(event), self._standing.of(event.trial)
        self._runs.add(run_id, *score_points(event, trial.examples, self._standing.base_answers(event.suite)))
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
        if trial.target_loss is not None:
            self._runs.add(run_id, point("target_loss", trial.target_loss, event.time, trial.examples))
        self._runs.add(run_id, point("objective", event.objective, event.time, trial.examples))
        self._log_parameters_unless_started(event)
        self._runs.set_tag(run_id, STATE, "complete")
        if event.stopped_early is not None:
            self._runs.set_tag(run_id, "sweeper.stopped_early", event.stopped_early[:_REASON_CHARACTERS])
        if event.best_step is not None:
            self._runs.set_tag(run_id, "sweeper.best_step", str(event.best_step))
        self._runs.put_files(run_id, self._folder.path / event.adapter, "adapter")
        self._end(event, "FINISHED")
        self._write_best(event.time)

    def _write_best(self, time: float) -> None:
        standing = self._standing
        if standing.best_trial is not None:
            values = {"best_objective": standing.best_objective, "best_score": standing.best_score}
            known = ((key, value) for key, value in values.items() if value is not None)
            points = [point(key, value, time, standing.completed) for key, value in known]
            self._runs.add(self._runs.sweep, *points)
            self._runs.set_tag(self._runs.sweep, "sweeper.best_trial", str(standing.best_trial))

    def _break_off(self, event: _BrokenOff) -> None:
        if isinstance(event, TrialFailed) and not event.final:
            return
        state, status = _STATES[type(event)]
        run_id = self._run_of(event)
        if isinstance(event, TrialInfeasible) and event.limit_bytes:
            needed = event.limit_bytes + event.excess_bytes
            self._runs.add(run_id, point("memory/predicted_bytes", needed, event.time, 0))
        self._log_parameters_unless_started(event)
        self._runs.set_tag(run_id, STATE, state)
        self._runs.set_tag(run_id, "sweeper.reason", event.reason[:_REASON_CHARACTERS])
        self._end(event, status)

    def _log_parameters_unless_started(self, event: Event) -> None:
        """For a trial that ended before it began: infeasible, or with the result of another."""
        trial = self._standing.of(event.trial)
        if trial.since is None and trial.config is not None:
            self._runs.log_parameters(self._run_of(event), trial_parameters(trial.config, None))
            if trial.twin_of is not None:
                self._runs.set_tag(self._run_of(event), "sweeper.twin_of", str(trial.twin_of))

    def _end(self, event: Event, status: RunStatus) -> None:
        run_id, trial = self._run_of(event), self._standing.of(event.trial)
        self._runs.add(run_id, point("tokens", trial.tokens, event.time, trial.examples))
        self._runs.end(run_id, status, event.time)

    def _run_of(self, event: Event) -> str:
        return self._run_of_trial(event.trial, event.time)

    def _run_of_trial(self, number: int, time: float = 0.0) -> str:
        trial = self._standing.of(number)
        name = "base" if number == BASE_TRIAL else f"trial {number}"
        return self._runs.of_trial(_tag_of(number), trial.take, name, trial.since or time)


def _tag_of(number: int) -> str:
    return "base" if number == BASE_TRIAL else str(number)


def _table_path(suite: str) -> str:
    return f"answers/{safe_name(suite)}.json"
