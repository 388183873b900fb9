"""Runs of whole sweeps on a tiny model, and what they leave."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import optuna

from sweeper.driver import run_sweep
from sweeper.event_log import EventLog
from sweeper.events import Event, TrialAsked, TrialCompleted
from sweeper.home import Home
from sweeper.search.study import Study
from sweeper.space.load import load_space
from sweeper.workers.in_process import InProcessWorker
from sweeper.workers.worker import Worker, WorkerSetup


class Watching:
    """A view that keeps the events and may act on one."""

    def __init__(self, act: Callable[[Event], None] = lambda event: None) -> None:
        self.events: list[Event] = []
        self.lines: list[str] = []
        self.act = act

    def resume(self, events: Sequence[Event]) -> None:
        self.events += events

    def apply(self, event: Event) -> None:
        self.events.append(event)
        self.act(event)

    def say(self, line: str) -> None:
        self.lines.append(line)


def sweep(
    space: Path,
    make_worker: Callable[[WorkerSetup], Worker] = InProcessWorker,
    view: Watching | None = None,
    workers: int = 1,
) -> list[Event]:
    """Runs the sweep of `space`, with its state beside it, and gives the whole log."""
    run_sweep(home_of(space), load_space(space), make_worker, view or Watching(), workers)
    return log_of(space)


def home_of(space: Path) -> Home:
    return Home(space.parent / "mlruns")


def log_of(space: Path) -> list[Event]:
    return [event for _, event in EventLog(home_of(space).sweep("tiny").events).read()]


_VARYING = (
    "sweeper.take",
    "mlflow.parentRunId",
    "train_seconds",
    "best_score",
    "best_objective",
    "scoring_seconds/",
    "system/",
    "memory/",
)
"""Beginnings of the names of what hangs on times, on ids, or on which finalist came in first."""


def what_optuna_knows(space: Path) -> list[tuple[object, ...]]:
    """All but times and ids."""
    trials = optuna.load_study(study_name="tiny", storage=home_of(space).optuna_uri).trials
    return [
        (each.number, each.state.name, each.value, each.params, each.intermediate_values, each.user_attrs)
        for each in trials
    ]


def what_mlflow_knows(space: Path) -> dict[str, list[str]]:
    """Active runs with their parameters, tags, metrics and artifacts: all but _VARYING, times and ids."""
    found: dict[str, list[str]] = {}
    with sqlite3.connect(home_of(space).mlruns / "mlflow.db") as database:
        runs = database.execute(
            "SELECT run_uuid, name, status FROM runs WHERE lifecycle_stage = 'active'"
        ).fetchall()
        names = {run_id: name for run_id, name, _ in runs}
        assert len(set(names.values())) == len(names)
        found["runs"] = sorted(f"{name} {status}" for _, name, status in runs)
        for table in ("params", "tags", "metrics"):
            steps = ", step" if table == "metrics" else ""
            rows = database.execute(f"SELECT run_uuid, key, value{steps} FROM {table}").fetchall()
            found[table] = sorted(
                f"{names[run_id]} {rest}"
                for run_id, *rest in rows
                if run_id in names and not rest[0].startswith(_VARYING)
            )
    for file in sorted(home_of(space).artifacts.rglob("*")):
        run = next((name for run_id, name in names.items() if run_id in file.parts), None)
        if run is not None and file.is_file():
            found.setdefault("artifacts", []).append(f"{run} {file.name} {file.read_bytes()!r}")
    found["artifacts"].sort()
    return found


def adapters(space: Path) -> dict[str, bytes]:
    """Every file of every trial's folder: adapters, and what should not be there any more."""
    trials = home_of(space).sweep("tiny").path / "trials"
    return {str(path.relative_to(trials)): path.read_bytes() for path in trials.rglob("*") if path.is_file()}


def of_kind(events: list[Event], kind: type[Event]) -> list[int]:
    return [event.trial for event in events if isinstance(event, kind)]


def states(space: Path) -> list[str]:
    return [trial.state for trial in Study(Home(space.parent / "mlruns"), load_space(space)).trials()]


def outcome(events: list[Event]) -> list[tuple[int, float]]:
    return [(event.trial, event.objective) for event in events if isinstance(event, TrialCompleted)]


def proposals(events: list[Event]) -> list[tuple[object, ...]]:
    return [(event.trial, event.wave, event.config) for event in events if isinstance(event, TrialAsked)]


def assert_same(space: Path, calm: Path) -> None:
    """Both sweeps asked the same and ended the same."""
    assert proposals(log_of(space)) == proposals(log_of(calm))
    assert_same_end(space, calm)


def assert_same_end(space: Path, calm: Path) -> None:
    assert what_optuna_knows(space) == what_optuna_knows(calm)
    assert adapters(space) == adapters(calm)
    found, wanted = what_mlflow_knows(space), what_mlflow_knows(calm)
    for table in wanted:
        assert found[table] == wanted[table], table
