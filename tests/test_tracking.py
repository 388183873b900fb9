"""MLflow, really: one pass and any number of broken-off ones leave the same database."""

import contextlib
import itertools
import json
import math
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest

from sweeper.errors import SweepError
from sweeper.event_log import EventLog
from sweeper.events import Event, SuiteScored, TrialCompleted, TrialFailed, to_json
from sweeper.home import Home
from sweeper.space.rules import NAMES, SWITCHES
from sweeper.tracking import Tracker
from sweeper.tracking.follower import Follower
from sweeper.tracking.runs import make_client
from tests.search.spaces import make_space
from tests.sweep_events import CASES, halving_events, sweep_events

pytestmark = pytest.mark.usefixtures("_mlflow_databases_are_copies")


class Sweep:
    """A home with one sweep, its log and its adapters, and MLflow's database as `database` is."""

    def __init__(self, folder: Path, events: list[Event], database: Path | None = None) -> None:
        self.space = make_space(folder)
        self.space.path.write_text("name: tickets\n")
        self.home = Home(folder / "home" / "mlruns")
        self.folder = self.home.sweep(self.space.name)
        self.log = EventLog(self.folder.events)
        self.position_file = self.folder.path / "mlflow_position.json"
        self.append(events)
        if database is not None:
            shutil.copy(database, self.home.mlruns)

    def append(self, events: list[Event]) -> None:
        self.log.open()
        for event in events:
            if isinstance(event, TrialCompleted):
                adapter = self.folder.path / event.adapter
                adapter.mkdir(parents=True)
                (adapter / "adapter_config.json").write_text(f'{{"trial": {event.trial}}}')
            self.log.append(event)

    def tracker(self) -> Tracker:
        return Tracker(self.home, self.folder, self.space)

    def follower(self) -> Follower:
        return Follower(self.home, self.folder, self.space)

    def client(self) -> Any:
        return make_client(self.home.mlflow_uri)

    def runs(self, deleted: bool = False) -> dict[str, Any]:
        """Runs by name."""
        from mlflow.entities import ViewType

        client = self.client()
        experiment = client.get_experiment_by_name(self.space.name)
        view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
        found = client.search_runs([experiment.experiment_id], run_view_type=view)
        names = [run.info.run_name for run in found]
        assert len(set(names)) == len(names)
        return {run.info.run_name: run for run in found}


def contents(home: Home) -> dict[str, Any]:
    """All that MLflow keeps of the runs, without what may differ: run ids and times of deletion."""
    with sqlite3.connect(home.mlruns / "mlflow.db") as database:
        runs = database.execute(
            "SELECT r.run_uuid, r.name, t.value, r.status, r.start_time, r.end_time, r.lifecycle_stage"
            " FROM runs r LEFT JOIN tags t ON t.run_uuid = r.run_uuid AND t.key = 'sweeper.take'"
        ).fetchall()
        labels = {run[0]: f"{run[1]}/{run[2]}" for run in runs}
        found: dict[str, Any] = {"runs": sorted(labels[run[0]] + str(run[3:]) for run in runs)}
        for table, columns in {
            "params": "key, value",
            "tags": "key, value",
            "metrics": "key, value, timestamp, step, is_nan",
            "latest_metrics": "key, value, timestamp, step, is_nan",
        }.items():
            rows = database.execute(f"SELECT run_uuid, {columns} FROM {table}").fetchall()
            found[table] = sorted(str([labels.get(cell, cell) for cell in row]) for row in rows)
        found["inputs"] = sorted(
            (labels[run_id], str(row))
            for run_id, *row in database.execute(
                "SELECT i.destination_id, d.name, d.digest, d.dataset_source_type, t.name, t.value"
                " FROM inputs i"
                " JOIN datasets d ON d.dataset_uuid = i.source_id"
                " LEFT JOIN input_tags t ON t.input_uuid = i.input_uuid"
            )
        )
        experiments = database.execute("SELECT name, lifecycle_stage FROM experiments").fetchall()
        found["experiments"] = sorted(experiments)
    found["artifacts"] = []
    for folder in home.artifacts.glob("*/*/artifacts"):
        files = [path for path in folder.rglob("*") if path.is_file()]
        label = labels[folder.parent.name]
        found["artifacts"] += [(label, str(path.relative_to(folder)), path.read_text()) for path in files]
    found["artifacts"].sort()
    assert found["artifacts"]
    return found


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return sweep_events()


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables and nothing in them. Making them takes seconds."""
    home = Home(tmp_path_factory.mktemp("empty"))
    make_client(home.mlflow_uri).search_experiments()
    return home.mlruns / "mlflow.db"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, events: list[Event]) -> Sweep:
    """A sweep that was written in one pass. Tests only read it."""
    sweep = Sweep(tmp_path_factory.mktemp("one_pass"), events)
    sweep.tracker().finish(sweep.log)
    return sweep


def test_a_sweep_is_an_experiment_with_a_run_for_each_trial(written: Sweep) -> None:
    runs = written.runs()
    assert set(runs) == {"tickets", "base", "trial 0", "trial 1", "trial 2", "trial 3"}
    assert {name: run.info.status for name, run in runs.items()} == {
        "tickets": "FINISHED",
        "base": "FINISHED",
        "trial 0": "FINISHED",
        "trial 1": "KILLED",
        "trial 2": "FINISHED",
        "trial 3": "FINISHED",
    }
    parent = runs.pop("tickets")
    assert "mlflow.parentRunId" not in parent.data.tags
    assert {run.data.tags["mlflow.parentRunId"] for run in runs.values()} == {parent.info.run_id}
    assert list(written.runs(deleted=True)) == ["trial 2"]
    assert runs["trial 2"].data.tags["sweeper.take"] == "2"


def test_parameters_are_numbers_where_they_are_numbers(written: Sweep) -> None:
    params = {name: run.data.params for name, run in written.runs().items()}
    assert params["trial 0"]["learning_rate"] == "0.0002"
    assert float(params["trial 2"]["learning_rate"]) == 1e-05
    assert params["trial 3"]["lora_alpha"] == "12.5"
    assert params["trial 0"]["lora_alpha"] == "32"
    assert params["trial 2"]["target_modules"] == "q_proj, v_proj"
    assert params["trial 0"]["micro_batch_size"] == "4"
    assert params["trial 0"]["gradient_accumulation_steps"] == "2"
    assert params["trial 0"]["dropped_rows"] == "0"
    assert "max_steps" not in params["trial 0"]
    assert params["trial 3"]["max_steps"] == "6"
    assert "num_train_epochs" not in params["trial 3"]
    assert params["trial 0"]["base_dtype"] == "float32"
    assert params["trial 0"]["base_quantization"] == "none"
    names = {"target_modules", "base_dtype", "base_quantization"}
    numeric = set(params["trial 0"]) - names - {*NAMES, *SWITCHES}
    for key in numeric:
        float(params["trial 0"][key])


def test_metrics_run_over_examples_and_scores_stand_once(written: Sweep) -> None:
    client, runs = written.client(), written.runs()
    loss = client.get_metric_history(runs["trial 0"].info.run_id, "loss")
    assert [(point.step, point.value) for point in loss] == [(8 * i, 2.0 / i) for i in range(1, 7)]
    assert loss[1].timestamp - loss[0].timestamp == 2000
    score = client.get_metric_history(runs["trial 2"].info.run_id, "score/dev")
    assert [(point.step, point.value) for point in score] == [(48, 0.75)]
    metrics = runs["trial 2"].data.metrics
    assert metrics["train_seconds"] == 12.0
    assert metrics["tokens"] == 48 * 50
    assert metrics["objective"] == 0.75
    diverged = client.get_metric_history(runs["trial 1"].info.run_id, "loss")
    assert len(diverged) == 3
    assert all(math.isnan(point.value) for point in diverged)
    assert runs["trial 1"].data.tags["sweeper.reason"] == "loss is nan at step 3"


def test_the_sweeps_own_run_carries_base_and_best(written: Sweep) -> None:
    client, parent = written.client(), written.runs()["tickets"]
    assert parent.data.metrics == {"base_score": 0.0, "best_score": 0.75, "best_objective": 0.75}
    assert parent.data.tags["sweeper.best_trial"] == "2"
    best = client.get_metric_history(parent.info.run_id, "best_score")
    assert [(point.step, point.value) for point in best] == [(1, 0.5), (2, 0.75), (3, 0.75)]
    assert {each.path for each in client.list_artifacts(parent.info.run_id)} == {"space.yaml", "packages.txt"}


def test_answers_are_a_table_with_the_wrong_ones_first(written: Sweep) -> None:
    run = written.runs()["trial 3"]
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"]) == [
        {"path": "answers/dev.json", "type": "table"}
    ]
    path = written.home.artifacts / "tickets" / run.info.run_id / "artifacts" / "answers" / "dev.json"
    table = json.loads(path.read_text())
    assert table["columns"] == [
        "case_id",
        "prompt",
        "answer",
        "expected",
        "score",
        "assertions",
        "tags",
    ]
    assert [row[4] for row in table["data"]] == [0.0] * 3 + [1.0] * 5
    assert [row[0] for row in table["data"][:3]] == ["case-5", "case-6", "case-7"]
    frame = pandas.read_json(path, orient="split")
    assert list(frame.columns) == table["columns"]
    assert len(frame) == CASES


def test_the_adapter_is_there(written: Sweep) -> None:
    run = written.runs()["trial 3"]
    adapter = written.home.artifacts / "tickets" / run.info.run_id / "artifacts" / "adapter"
    assert json.loads((adapter / "adapter_config.json").read_text()) == {"trial": 3}


@pytest.fixture(scope="module")
def halving(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Sweep:
    """A sweep with rungs, written in one pass. Tests only read it."""
    sweep = Sweep(tmp_path_factory.mktemp("halving"), halving_events(), empty_database)
    sweep.tracker().finish(sweep.log)
    return sweep


def test_states_and_rungs_are_tags_and_all_runs_have_ended(halving: Sweep) -> None:
    runs = halving.runs()
    states = {name: run.data.tags.get("sweeper.state") for name, run in runs.items()}
    assert states == {
        "tickets": None,
        "base": None,
        "trial 0": "complete",
        "trial 1": "pruned",
        "trial 2": "infeasible",
        "trial 3": "complete",
    }
    assert [runs[f"trial {n}"].data.tags.get("sweeper.rung") for n in range(4)] == ["1", "0", None, "1"]
    assert "RUNNING" not in {run.info.status for run in runs.values()}
    assert runs["trial 1"].data.tags["sweeper.reason"] == "target_loss 3 was not among the lowest"
    assert runs["trial 2"].data.params["learning_rate"] == "1e-05"


def test_rung_values_run_over_examples_and_the_last_one_stands_by_itself(halving: Sweep) -> None:
    client, runs = halving.client(), halving.runs()
    points = client.get_metric_history(runs["trial 0"].info.run_id, "rung_value")
    assert [(point.step, point.value) for point in points] == [(16, 2.0), (48, 1.5)]
    assert runs["trial 0"].data.metrics["target_loss"] == 1.5
    assert "target_loss" not in runs["trial 1"].data.metrics


def test_a_trial_that_goes_on_at_a_rung_stays_one_run(halving: Sweep) -> None:
    loss = halving.client().get_metric_history(halving.runs()["trial 0"].info.run_id, "loss")
    assert [(point.step, point.value) for point in loss] == [(8 * i, 2.0 / i) for i in range(1, 7)]
    assert list(halving.runs(deleted=True)) == ["trial 3"]


def test_a_trial_that_goes_back_to_a_checkpoint_keeps_its_curve_up_to_there(halving: Sweep) -> None:
    run = halving.runs()["trial 3"]
    loss = halving.client().get_metric_history(run.info.run_id, "loss")
    kept = [(8 * i, 2.0 / i) for i in range(1, 5)]
    assert [(point.step, point.value) for point in loss] == [*kept, (40, 1.9 / 5), (48, 1.9 / 6)]
    rungs = halving.client().get_metric_history(run.info.run_id, "rung_value")
    assert [point.value for point in rungs] == [2.0, 1.25]
    assert run.data.tags["sweeper.take"] == "2"


def test_rows_and_packages_are_named(halving: Sweep) -> None:
    import hashlib

    digest = hashlib.sha256(halving.space.data.train.path.read_bytes()).hexdigest()  # type: ignore[union-attr]
    for name in ("tickets", "trial 0"):
        (used,) = halving.runs()[name].inputs.dataset_inputs
        assert (used.dataset.name, used.dataset.digest) == ("train.jsonl", digest[:32])
    folder = halving.home.artifacts / "tickets" / halving.runs()["tickets"].info.run_id / "artifacts"
    assert "optuna==5" in (folder / "packages.txt").read_text()


@pytest.mark.parametrize("cut", range(12, 52, 4))
def test_a_sweep_that_was_stopped_leaves_no_run_running_and_goes_on(
    tmp_path: Path, empty_database: Path, halving: Sweep, cut: int
) -> None:
    events = halving_events()
    sweep = Sweep(tmp_path, events[:cut], empty_database)
    sweep.tracker().finish(sweep.log, status="KILLED")
    assert "RUNNING" not in {run.info.status for run in sweep.runs().values()}
    sweep.append(events[cut:])
    sweep.tracker().finish(sweep.log)
    assert_same(contents(sweep.home), contents(halving.home))


def broken_passes(sweep: Sweep, events: list[Event], seed: int) -> None:
    """Writes the events in random pieces; some passes are killed half way, the position gets lost or old."""
    chance = random.Random(seed)
    cuts = sorted(chance.sample(range(1, len(events)), 5))
    follower, old_position = sweep.follower(), None
    for start, end in itertools.pairwise([0, *cuts, len(events)]):
        sweep.append(events[start:end])
        with killed(chance.randrange(1, 20), chance.random() < 0.5):
            follower.follow(sweep.log)
        if chance.random() < 0.5:
            follower = sweep.follower()
        if chance.random() < 0.4:
            old_position = sweep.position_file.read_text() if sweep.position_file.exists() else None
        if chance.random() < 0.5 and sweep.position_file.exists():
            follower = sweep.follower()
            sweep.position_file.unlink()
            if old_position:
                sweep.position_file.write_text(old_position)
    sweep.tracker().finish(sweep.log)


WRITING_CALLS = [
    "create_experiment",
    "create_run",
    "log_batch",
    "set_tag",
    "set_terminated",
    "delete_run",
    "log_text",
    "log_artifact",
    "log_artifacts",
    "update_run",
    "log_inputs",
]


@contextlib.contextmanager
def killed(at_call: int, is_done: bool) -> Iterator[None]:
    """Breaks off what is within at MLflow's nth writing call, before or after that call's work is done."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    calls = itertools.count(1)

    def breaking(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            is_last = next(calls) == at_call
            if is_last and not is_done:
                raise MlflowException("killed before")
            result = method(*args, **kwargs)
            if is_last:
                raise MlflowException("killed after")
            return result

        return call

    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(MlflowException):
        for name in WRITING_CALLS:
            patch.setattr(MlflowClient, name, breaking(getattr(MlflowClient, name)))
        yield


@pytest.mark.parametrize("seed", range(6))
def test_broken_and_repeated_passes_leave_what_one_pass_leaves(
    tmp_path: Path, empty_database: Path, written: Sweep, events: list[Event], seed: int
) -> None:
    sweep = Sweep(tmp_path, [], empty_database)
    broken_passes(sweep, events, seed)
    assert_same(contents(sweep.home), contents(written.home))


@pytest.mark.parametrize("seed", range(6))
def test_the_same_with_rungs_and_resumed_trials(
    tmp_path: Path, empty_database: Path, halving: Sweep, seed: int
) -> None:
    sweep = Sweep(tmp_path, [], empty_database)
    broken_passes(sweep, halving_events(), seed)
    assert_same(contents(sweep.home), contents(halving.home))


@pytest.mark.parametrize("at_call", range(4, 70, 9))
def test_a_follower_goes_on_after_an_error_at_any_call(
    tmp_path: Path, empty_database: Path, written: Sweep, events: list[Event], at_call: int
) -> None:
    sweep = Sweep(tmp_path, events, empty_database)
    follower = sweep.follower()
    with killed(at_call, is_done=at_call % 2 == 0):
        follower.follow(sweep.log)
    follower.follow(sweep.log, "FINISHED")
    assert_same(contents(sweep.home), contents(written.home))


def assert_same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found.keys() == wanted.keys()
    for table in wanted:
        ids = [line for line in found[table] if "parentRunId" not in str(line)]
        assert ids == [line for line in wanted[table] if "parentRunId" not in str(line)], table


def test_catching_up_costs_the_driver_nothing_and_finish_writes_the_rest(
    tmp_path: Path, empty_database: Path, written: Sweep, events: list[Event]
) -> None:
    of_other_tests = set(threading.enumerate())
    sweep = Sweep(tmp_path, [], empty_database)
    tracker = sweep.tracker()
    sweep.append(events[:1])
    tracker.catch_up(sweep.log)
    began = time.perf_counter()
    for _ in range(1000):
        tracker.catch_up(sweep.log)
    assert (time.perf_counter() - began) / 1000 < 0.001
    wait_for(sweep.position_file.exists)
    sweep.append(events[1:])
    tracker.finish(sweep.log)
    assert_same(contents(sweep.home), contents(written.home))
    started = set(threading.enumerate()) - of_other_tests
    assert not [thread for thread in started if thread.name == "tracker"]


def test_a_locked_database_stops_nobody_and_is_written_when_it_is_free(
    tmp_path: Path, empty_database: Path, written: Sweep, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Sweep(tmp_path, events, empty_database)
    shorten_lock_wait(monkeypatch)
    tracker = sweep.tracker()
    lock = sqlite3.connect(sweep.home.mlruns / "mlflow.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    tracker.catch_up(sweep.log)
    wait_for(lambda: tracker.behind is not None)
    assert "locked" in str(tracker.behind)
    with pytest.raises(SweepError) as caught:
        sweep.tracker().finish(sweep.log, timeout_seconds=0.1)
    assert "Nothing is lost" in str(caught.value)
    assert "\n" not in str(caught.value)
    lock.execute("ROLLBACK")
    lock.close()
    tracker.finish(sweep.log)
    assert tracker.behind is None
    assert_same(contents(sweep.home), contents(written.home))


def test_a_store_that_is_none_is_told_at_the_end(tmp_path: Path, events: list[Event]) -> None:
    sweep = Sweep(tmp_path, events)
    (sweep.home.mlruns / "mlflow.db").mkdir()
    with pytest.raises(SweepError, match="start"):
        sweep.tracker().finish(sweep.log, timeout_seconds=0.1)


def test_a_sweep_that_goes_on_is_running_again(
    tmp_path: Path, empty_database: Path, written: Sweep, events: list[Event]
) -> None:
    half = next(place for place, event in enumerate(events) if isinstance(event, TrialCompleted)) + 1
    sweep = Sweep(tmp_path, events[:half], empty_database)
    sweep.tracker().finish(sweep.log, status="KILLED")
    assert sweep.runs()["tickets"].info.status == "KILLED"
    sweep.append(events[half:])
    sweep.follower().follow(sweep.log)
    assert sweep.runs()["tickets"].info.status == "RUNNING"
    sweep.tracker().finish(sweep.log)
    assert_same(contents(sweep.home), contents(written.home))


def test_what_the_user_deleted_in_the_ui_does_not_stop_the_rest(
    tmp_path: Path, empty_database: Path, events: list[Event]
) -> None:
    half = next(place for place, event in enumerate(events) if isinstance(event, TrialFailed))
    sweep = Sweep(tmp_path, events[:half], empty_database)
    tracker = sweep.tracker()
    tracker.catch_up(sweep.log)
    wait_for(lambda: sweep.position_file.exists() and "trial 2" in sweep.runs())
    for name in ("trial 0", "trial 2", "tickets"):
        sweep.client().delete_run(sweep.runs()[name].info.run_id)
    sweep.append(events[half:])
    tracker.finish(sweep.log)
    assert set(sweep.runs()) == {"tickets", "base", "trial 1", "trial 2", "trial 3"}
    sweep.client().delete_experiment(sweep.runs()["trial 3"].info.experiment_id)
    sweep.position_file.unlink()
    sweep.tracker().finish(sweep.log)
    assert sweep.runs()["tickets"].info.status == "FINISHED"


def test_a_new_database_gets_everything_again(
    tmp_path: Path, empty_database: Path, written: Sweep, events: list[Event]
) -> None:
    sweep = Sweep(tmp_path, events, empty_database)
    sweep.tracker().finish(sweep.log)
    shutil.rmtree(sweep.home.artifacts)
    lost = sweep.home.mlruns / "mlflow.db"
    moved = Home(tmp_path / "moved")
    sweep.folder.path.parent.parent.rename(moved.mlruns)
    (moved.mlruns / lost.name).unlink()
    shutil.copy(empty_database, moved.mlruns)
    sweep.home, sweep.folder = moved, moved.sweep("tickets")
    sweep.log = EventLog(sweep.folder.events)
    sweep.tracker().finish(sweep.log)
    assert_same(contents(sweep.home), contents(written.home))


def test_odd_suite_names_and_an_empty_log_do_no_harm(tmp_path: Path, empty_database: Path) -> None:
    sweep = Sweep(tmp_path, [], empty_database)
    sweep.tracker().finish(sweep.log)
    sweep.append([SuiteScored(-1, 1.79e9, "ä/b:c*", 0.5, 1.0, ())])
    sweep.tracker().finish(sweep.log)
    assert sweep.runs()["base"].data.metrics["score/__b_c_"] == 0.5


def test_nothing_is_printed_and_nothing_lands_in_the_working_folder(
    tmp_path: Path, events: list[Event]
) -> None:
    sweep = Sweep(tmp_path / "sweep", events)
    working_folder = tmp_path / "elsewhere"
    working_folder.mkdir()
    code = (
        "import sys, os; from pathlib import Path; from tests.search.spaces import make_space;"
        "from sweeper.home import Home; from sweeper.event_log import EventLog;"
        "from sweeper.tracking import Tracker; assert 'mlflow' not in sys.modules;"
        "home, space = Home(Path(sys.argv[1])), make_space(Path(sys.argv[2]));"
        "log = EventLog(home.sweep(space.name).events);"
        "tracker = Tracker(home, home.sweep(space.name), space);"
        "tracker.catch_up(log); tracker.finish(log);"
        "assert 'torch' not in sys.modules; assert 'MLFLOW_TRACKING_URI' not in os.environ"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(sweep.home.mlruns), str(tmp_path / "sweep")],
        cwd=working_folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert list(working_folder.iterdir()) == []
    assert "trial 3" in sweep.runs()


def test_a_step_costs_far_less_than_ten_milliseconds(tmp_path: Path, empty_database: Path) -> None:
    many = sweep_events(steps=500)
    sweep = Sweep(tmp_path, [], empty_database)
    sweep.folder.events.write_text("".join(to_json(event) + "\n" for event in many))
    began = time.process_time()
    sweep.tracker().finish(sweep.log)
    seconds = (time.process_time() - began) / len(many)
    print(f"{seconds * 1000:.2f} ms of processor time a step")
    assert seconds < 0.005


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def shorten_lock_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow waits 20 s for a lock; the test need not."""
    import sqlalchemy

    real = sqlalchemy.text
    monkeypatch.setattr(
        sqlalchemy.sql, "text", lambda text: real(text.replace("busy_timeout = 20000", "busy_timeout = 100"))
    )
