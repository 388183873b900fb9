"""A whole sweep on a tiny model: every trial told once, whatever happens to the worker or the driver."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.errors import InputError, UnavailableError
from sweeper.events import (
    BASE_TRIAL,
    Event,
    RungReached,
    StepTrained,
    SuiteScored,
    SystemSampled,
    TrialAsked,
    TrialCompleted,
    TrialDiverged,
    TrialFailed,
    TrialStarted,
)
from sweeper.home import Home
from sweeper.memory.plan import Cohort
from sweeper.search.rungs import RUNG_CASES
from sweeper.workers.in_process import InProcessWorker
from sweeper.workers.spawned import SpawnedWorker
from sweeper.workers.worker import Emit, Worker, WorkerSetup
from tests.driver.scripted import ScriptedWorker
from tests.driver.spaces import save_scripted_space
from tests.driver.sweeps import (
    Watching,
    adapters,
    log_of,
    of_kind,
    outcome,
    states,
    sweep,
    what_mlflow_knows,
    what_optuna_knows,
)
from tests.tiny_base import save_tiny_space


@pytest.mark.parametrize("worker", [InProcessWorker, SpawnedWorker])
def test_a_whole_sweep(tmp_path: Path, worker: Callable[[WorkerSetup], Worker]) -> None:
    space = save_tiny_space(tmp_path)
    events = sweep(space, worker)
    assert of_kind(events, TrialAsked) == of_kind(events, TrialCompleted) == [0, 1, 2]
    assert of_kind(events, SuiteScored) == [BASE_TRIAL, 0, 1, 2]
    assert len(of_kind(events, StepTrained)) == 3 * 6  # nine rows in batches of four, two epochs
    assert states(space) == ["complete"] * 3
    assert of_kind(events, SystemSampled) == [0, 1, 2]  # none is due but at the end of so short a trial
    with sqlite3.connect(Home(tmp_path / "mlruns").mlruns / "mlflow.db") as database:
        stored = database.execute(
            "SELECT value, step FROM metrics"
            " WHERE key = 'system/system_memory_usage_megabytes' ORDER BY timestamp"
        ).fetchall()
    samples = [event for event in events if isinstance(event, SystemSampled)]
    assert stored == [(each.values["system_memory_usage_megabytes"], each.examples) for each in samples]
    for number in range(3):
        assert (Home(tmp_path / "mlruns").sweep("tiny").trial(number) / "adapter").is_dir()


def test_several_suites_are_scored_and_the_first_one_steers(tmp_path: Path) -> None:
    space = save_tiny_space(tmp_path, trials=2)
    (tmp_path / "shown.yaml").write_text("name: shown\ncases: [{instruction: Repeat., tags: [short]}]\n")
    space.write_text(space.read_text().replace('"dev": "dev.jsonl"', '"dev": ["dev.jsonl", "shown.yaml"]'))
    events = sweep(space)
    scored = [(event.trial, event.suite) for event in events if isinstance(event, SuiteScored)]
    assert scored == [(trial, suite) for trial in (BASE_TRIAL, 0, 1) for suite in ("dev", "shown")]
    scores = {(e.trial, e.suite): e.score for e in events if isinstance(e, SuiteScored)}
    assert [value for _, value in outcome(events)] == [scores[0, "dev"], scores[1, "dev"]]
    assert scores[0, "shown"] is None
    assert len(list((tmp_path / "mlruns" / "cache" / "answers").iterdir())) == 6


def test_started_again_it_goes_on_to_the_total(tmp_path: Path) -> None:
    space = save_tiny_space(tmp_path, trials=2)
    first = sweep(space)
    assert sweep(space) == first  # finished: nothing is done
    space.write_text(space.read_text().replace('"trials": 2', '"trials": 3'))
    events = sweep(space)
    assert events[: len(first)] == first
    assert of_kind(events, TrialCompleted) == [0, 1, 2]
    assert of_kind(events, SuiteScored).count(BASE_TRIAL) == 1


def test_a_diverging_trial_is_pruned_and_the_sweep_goes_on(tmp_path: Path) -> None:
    space = save_tiny_space(tmp_path, trials=2, learning_rate={"values": [1e17, 1e-2]})
    events = sweep(space)
    diverged = of_kind(events, TrialDiverged)
    assert len(diverged) + len(of_kind(events, TrialCompleted)) == 2
    assert diverged
    assert states(space)[diverged[0]] == "pruned"


class Killed(SpawnedWorker):
    """Its process is killed at the first step of the trials named, as often as told."""

    kills: dict[int, int]

    def train(self, cohort: Cohort, emit: Emit) -> None:
        def killing(event: Event) -> None:
            emit(event)
            if isinstance(event, StepTrained) and self.kills.get(event.trial, 0):
                self.kills[event.trial] -= 1
                assert self._process.pid is not None
                os.kill(self._process.pid, signal.SIGKILL)

        super().train(cohort, killing)


def test_a_worker_that_dies_costs_an_attempt(tmp_path: Path) -> None:
    space = save_tiny_space(tmp_path, trials=2)
    expected = outcome(sweep(save_tiny_space(tmp_path / "calm", trials=2)))
    Killed.kills = {1: 1}
    events = sweep(space, Killed)
    assert outcome(events) == expected
    starts = [(e.trial, e.attempt) for e in events if isinstance(e, TrialStarted)]
    assert starts == [(0, 1), (1, 1), (1, 2)]
    assert [e.final for e in events if isinstance(e, TrialFailed)] == [False]


def test_a_trial_that_breaks_off_twice_fails_and_says_why(tmp_path: Path) -> None:
    space = save_tiny_space(tmp_path, trials=2)
    Killed.kills = {0: 9}
    events = sweep(space, Killed)
    assert states(space) == ["failed", "complete"]
    reasons = [e.reason for e in events if isinstance(e, TrialFailed)]
    assert len(reasons) == 2
    assert "SIGKILL" in reasons[0]


def test_waves_on_a_real_model_with_two_workers_and_over_a_stop(tmp_path: Path) -> None:
    """Adapters, proposals and what Optuna knows are those of one worker that nobody stopped."""
    search = {"pruner": {"rungs": ["1/3", 1]}}
    calm, shared, stopped = (
        save_tiny_space(tmp_path / name, trials=3, search=search, effective_batch_size={"values": [2, 4]})
        for name in ("calm", "shared", "stopped")
    )
    sweep(calm)
    sweep(shared, workers=2)
    view = Watching()
    view.act = lambda event: os.kill(os.getpid(), signal.SIGINT) if len(view.events) == 14 else None
    with pytest.raises(KeyboardInterrupt):
        sweep(stopped, view=view)
    sweep(stopped)
    assert "pruned" in states(calm)
    for other in (shared, stopped):
        assert what_optuna_knows(other) == what_optuna_knows(calm)
        assert adapters(other) == adapters(calm)
    starts = [event.resumed_step for event in log_of(stopped) if isinstance(event, TrialStarted)]
    assert any(starts)


DRIVER = """
import sys
from pathlib import Path
from tests.driver.sweeps import sweep
if __name__ == "__main__":
    from sweeper.workers.spawned import SpawnedWorker
    sweep(Path(sys.argv[1]), SpawnedWorker)
"""


@pytest.mark.timeout(400)
def test_a_killed_driver_loses_nothing_and_its_worker_ends(tmp_path: Path) -> None:
    """Killed on the way to the first rung, and both processes at once on the way from there to the end."""
    search = {"pruner": {"rungs": ["1/3", 1]}}
    calm, space = (
        save_tiny_space(
            folder, trials=3, search=search, effective_batch_size={"values": [2, 4]}, save_steps=1
        )
        for folder in (tmp_path / "calm", tmp_path)
    )
    sweep(calm)
    start_and_kill(space, lambda events: 1 in of_kind(events, StepTrained), with_worker=False)
    start_and_kill(space, trains_beyond_a_rung, with_worker=True)
    events = sweep(space)
    assert what_optuna_knows(space) == what_optuna_knows(calm)
    assert what_mlflow_knows(space) == what_mlflow_knows(calm)
    assert adapters(space) == adapters(calm)
    assert of_kind(events, TrialAsked) == [0, 1, 2]
    assert [e for e in events if isinstance(e, TrialStarted) and e.attempt > 1 and e.resumed_step]


def trains_beyond_a_rung(events: list[Event]) -> bool:
    """Whether a trial that paused at a rung has taken a step since."""
    reached = [(place, event.trial) for place, event in enumerate(events) if isinstance(event, RungReached)]
    return any(trial in of_kind(events[place:], StepTrained) for place, trial in reached)


def start_and_kill(space: Path, when: Callable[[list[Event]], bool], with_worker: bool) -> None:
    """Starts a driver in a process of its own and kills it (-9) once its log fulfils `when`."""
    script = space.parent / "drive.py"
    script.write_text(DRIVER)
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    driver = subprocess.Popen([sys.executable, str(script), str(space)], env=environment)
    while not when(log_of(space)):
        assert driver.poll() is None
        time.sleep(0.02)
    children = children_of(driver.pid)
    assert children
    driver.kill()
    for pid in children if with_worker else []:
        os.kill(pid, signal.SIGKILL)
    driver.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until(done: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_second_driver_is_refused(tmp_path: Path) -> None:
    space = save_tiny_space(tmp_path, trials=1)
    refusals: list[str] = []

    def start_another(event: Event) -> None:
        if isinstance(event, TrialStarted):
            with pytest.raises(UnavailableError) as refused:
                sweep(space)
            refusals.append(str(refused.value))

    events = sweep(space, view=Watching(start_another))
    assert of_kind(events, TrialCompleted) == [0]
    assert len(refusals) == 1
    assert f"process {os.getpid()}" in refusals[0]


def test_a_length_that_leaves_nothing_to_train_on_is_refused(tmp_path: Path) -> None:
    space = save_tiny_space(tmp_path, max_seq_length={"values": [8, 64]})
    with pytest.raises(InputError, match=r"max_seq_length: 8 tokens leave no row anything to train on"):
        sweep(space)
    assert states(space) == []


def test_a_target_that_the_model_lacks_is_refused_before_a_trial(tmp_path: Path) -> None:
    space = save_tiny_space(tmp_path, target_modules=["q_proj", "query"])
    with pytest.raises(InputError, match=r"no linear layer named 'query'"):
        sweep(space)
    assert states(space) == []


@pytest.mark.parametrize(
    ("objective", "cases"),
    [("score", RUNG_CASES), ("target_loss", None), ({"score": 0.8, "target_loss": 0.2}, None)],
)
def test_a_rung_looks_at_some_cases_unless_their_loss_is_part_of_the_objective(
    tmp_path: Path, objective: object, cases: int | None
) -> None:
    seen = []

    def make(setup: WorkerSetup) -> Worker:
        seen.append(setup.loss_cases)
        return ScriptedWorker(setup)

    sweep(save_scripted_space(tmp_path, 1, {"objective": objective}), make)
    assert seen == [cases]
