"""One sweep's experiment and runs in MLflow, found again by their tags and made where they are missing."""

import contextlib
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sweeper.home import Home
from sweeper.tracking.inputs import InputData
from sweeper.tracking.records import Point, milliseconds

if TYPE_CHECKING:
    from mlflow import MlflowClient

RunStatus = Literal["RUNNING", "FINISHED", "KILLED", "FAILED"]

_POINTS_PER_BATCH = 1000
"""MLflow refuses more in one call."""
_PROBE_SECONDS = 1.0
_SWEEP, _TRIAL, _TAKE = "sweeper.sweep", "sweeper.trial", "sweeper.take"
STATE = "sweeper.state"
"""Of a trial: running, paused, complete, pruned, diverged, infeasible, failed; void if it was taken back."""
_PARENT = "mlflow.parentRunId"
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""The UI opens on the table of runs and does not ask what kind of experiment this is."""
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""MLflow reads these when it is imported; what the user has set stays."""


def make_client(uri: str) -> "MlflowClient":
    """A client for the store at `uri`, whatever else is set. Importing MLflow takes a second or two."""
    _hush()
    from mlflow import MlflowClient

    make_database(uri)
    return MlflowClient(tracking_uri=uri)


def make_database(uri: str) -> None:
    """Makes MLflow's database where there is none, whole or not at all.

    MLflow makes it by some forty migrations. A process that dies among them leaves a database that
    MLflow refuses for ever after, so they run on a file beside it, which then takes its name.
    """
    path = Path(uri.removeprefix("sqlite:///"))
    if path.exists():
        return
    from mlflow import MlflowClient

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="mlflow-") as folder:
        whole = Path(folder) / path.name
        MlflowClient(tracking_uri=f"sqlite:///{whole}").search_experiments(max_results=1)
        with contextlib.closing(sqlite3.connect(whole)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with contextlib.suppress(FileExistsError):  # another sweep was quicker: its database is as good
            os.link(whole, path)


def probe(uri: str) -> None:
    """Raises sqlite3.Error if there is a file at `uri` that cannot be read as a database just now.

    MLflow itself would try for a hundred seconds to open one.
    """
    path = Path(uri.removeprefix("sqlite:///"))
    if path.exists():
        with contextlib.closing(sqlite3.connect(path, timeout=_PROBE_SECONDS)) as database:
            database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()


def failures() -> tuple[type[Exception], ...]:
    """What may go wrong with a store: locked, broken, full, gone. MlflowException wraps most of it."""
    _hush()
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, sqlite3.Error, OSError


def trial_run(client: "MlflowClient", sweep: str, trial: object) -> str | None:
    """The id of the run that shows a trial as it stands; None where MLflow has none."""
    experiment = client.get_experiment_by_name(sweep)
    if experiment is None:
        return None
    wanted = f"tags.`{_SWEEP}` = '{sweep}' AND tags.`{_TRIAL}` = '{trial}'"
    found = client.search_runs([experiment.experiment_id], wanted)
    latest = max(found, key=lambda run: int(run.data.tags.get(_TAKE, 0)), default=None)
    return None if latest is None else str(latest.info.run_id)


def _hush() -> None:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


class SweepRuns:
    """The runs of one sweep. What is written to a deleted run is dropped without a word.

    Points are kept back until `flush`, or until their run ends.
    """

    def __init__(self, home: Home, name: str, start_time: float) -> None:
        probe(home.mlflow_uri)
        self._client = make_client(home.mlflow_uri)
        self._name = name
        self._points: dict[str, list[Point]] = {}
        self._runs: dict[tuple[str, str], str] = {}
        self._deleted: set[str] = set()
        self._experiment_id = self._ensure_experiment((home.artifacts / name).as_uri())
        self.sweep = self._take_up(self._found_runs(), start_time)

    def of_trial(self, trial: str, take: int, name: str, time: float) -> str:
        """The id of the run that shows one take of a trial."""
        key = (trial, str(take))
        if key not in self._runs:
            tags = {_TRIAL: key[0], _TAKE: key[1], _PARENT: self.sweep}
            self._runs[key] = self._create(name, time, tags)
        return self._runs[key]

    def void_before(self, trial: str, take: int, time: float) -> None:
        """Deletes the runs of a trial's earlier takes (MLflow's UI keeps them among the deleted)."""
        for (other, earlier), run_id in self._runs.items():
            if other == trial and int(earlier) < take and run_id not in self._deleted:
                self.set_tag(run_id, STATE, "void")
                self.end(run_id, "KILLED", time)
                self._client.delete_run(run_id)
                self._deleted.add(run_id)

    def add(self, run_id: str, *points: Point) -> None:
        if run_id not in self._deleted:
            self._points.setdefault(run_id, []).extend(points)

    def flush_all(self) -> None:
        for run_id in list(self._points):
            self.flush(run_id)

    def flush(self, run_id: str) -> None:
        from mlflow.entities import Metric

        points = self._points.pop(run_id, [])
        for start in range(0, len(points), _POINTS_PER_BATCH):
            batch = points[start : start + _POINTS_PER_BATCH]
            metrics = [Metric(each.key, each.value, milliseconds(each.time), each.step) for each in batch]
            self._client.log_batch(run_id, metrics=metrics)

    def log_parameters(self, run_id: str, parameters: dict[str, str]) -> None:
        from mlflow.entities import Param

        if run_id not in self._deleted:
            params = [Param(key, value) for key, value in parameters.items()]
            self._client.log_batch(run_id, params=params)

    def log_dataset(self, run_id: str, dataset: InputData) -> None:
        """Names what a run trains on; MLflow keeps the same entry once."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        if run_id not in self._deleted:
            entry = Dataset(dataset.name, dataset.digest, dataset.source_type, dataset.source)
            used = DatasetInput(entry, [InputTag("mlflow.data.context", "training")])
            self._client.log_inputs(run_id, [used])

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        if run_id not in self._deleted:
            self._client.set_tag(run_id, key, value)

    def put_text(self, run_id: str, path: str, text: str) -> None:
        """Writes an artifact whole, over an earlier one of that path."""
        if run_id not in self._deleted:
            self._client.log_text(run_id, text, path)

    def put_files(self, run_id: str, source: Path, folder: str | None = None) -> None:
        """Copies a file or a folder's content to the artifacts; does nothing where it does not exist."""
        if run_id in self._deleted:
            return
        if source.is_dir():
            self._client.log_artifacts(run_id, str(source), folder)
        elif source.is_file():
            self._client.log_artifact(run_id, str(source), folder)

    def end(self, run_id: str, status: RunStatus, time: float) -> None:
        if run_id not in self._deleted:
            self.flush(run_id)
            self._client.set_terminated(run_id, status, milliseconds(time))

    def reopen(self, run_id: str) -> None:
        if run_id not in self._deleted:
            self._client.update_run(run_id, status="RUNNING")

    def _ensure_experiment(self, artifact_location: str) -> str:
        experiment = self._client.get_experiment_by_name(self._name)
        if experiment is None:
            return str(self._client.create_experiment(self._name, artifact_location, _EXPERIMENT_TAGS))
        if experiment.lifecycle_stage == "deleted":
            self._client.restore_experiment(experiment.experiment_id)
        return str(experiment.experiment_id)

    def _take_up(self, found: list[Any], start_time: float) -> str:
        """Takes note of the trials' runs; returns the sweep's own."""
        sweep_run_id = None
        for run in found:
            tags, run_id = run.data.tags, str(run.info.run_id)
            is_deleted = run.info.lifecycle_stage == "deleted"
            if _TRIAL in tags:
                self._runs[tags[_TRIAL], tags[_TAKE]] = run_id
                self._deleted.update([run_id] if is_deleted else [])
            else:
                sweep_run_id = run_id
                if is_deleted:
                    self._client.restore_run(run_id)
        return sweep_run_id or self._create(self._name, start_time, {})

    def _found_runs(self) -> list[Any]:
        """This sweep's runs, deleted ones too."""
        from mlflow.entities import ViewType

        found: list[Any] = []
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment_id], "", ViewType.ALL, max_results=1000, page_token=token
            )
            found += [run for run in page if run.data.tags.get(_SWEEP) == self._name]
            token = page.token
            if not token:
                return found

    def _create(self, name: str, time: float, tags: dict[str, str]) -> str:
        tags = {_SWEEP: self._name, "mlflow.source.name": "sweeper", **tags}
        run = self._client.create_run(self._experiment_id, milliseconds(time), tags, name)
        return str(run.info.run_id)
