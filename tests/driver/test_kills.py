"""kill -9 at every write, of the driver and of the worker: the end is that of the sweep nobody killed."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.events import RungReached, TrialFailed, TrialPruned
from tests.driver.kills import DRIVER_WRITES, WORKER_WRITES, Kill, KilledWorker
from tests.driver.scripted import ScriptedWorker, SpawnedScriptedWorker
from tests.driver.spaces import save_scripted_space
from tests.driver.sweeps import (
    assert_same_end,
    log_of,
    sweep,
)

TRIALS = 7
SEARCH = {"pruner": {"wave": 4}, "early_stopping": {"patience": 2}}


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two waves, of 4 and of 3, that nobody disturbs. Some trials end early, on their way to a rung."""
    space = save_scripted_space(tmp_path_factory.mktemp("calm"), TRIALS, SEARCH)
    events = sweep(space, ScriptedWorker)
    ends = [event for event in events if isinstance(event, RungReached) and event.is_end]
    assert {0, 1} <= {event.rung for event in ends}
    assert [event for event in events if isinstance(event, TrialPruned)]
    return space


def in_a_process(work: Callable[[], object]) -> int:
    """Does `work` in a fork of this process and gives the child's pid. The child never returns."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def signal_of(pid: int) -> int | None:
    _, status = os.waitpid(pid, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else None


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", DRIVER_WRITES)
def test_the_driver_is_killed_at_each_kind_of_write(
    tmp_path: Path, calm: Path, write: str, is_done: bool
) -> None:
    space = save_scripted_space(tmp_path, TRIALS, SEARCH)
    nths = {"log": (3, 30, 60), "ask": (2, 6), "ask stored": (2, 6), "position": (1,)}.get(write, (1, 3))

    def killed(nth: int) -> None:
        Kill(write, nth, is_done).arm(DRIVER_WRITES)
        sweep(space, ScriptedWorker)

    for nth in nths:
        assert signal_of(in_a_process(lambda: killed(nth))) == signal.SIGKILL  # noqa: B023
    sweep(space, ScriptedWorker)
    assert_same_end(space, calm)


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("write", "nth"), [("checkpoint", 1), ("checkpoint", 9), ("adapter", 1), ("emit", 4)]
)
def test_the_worker_is_killed_at_each_kind_of_write(
    tmp_path: Path, calm: Path, monkeypatch: pytest.MonkeyPatch, write: str, nth: int, is_done: bool
) -> None:
    assert write in WORKER_WRITES
    space = save_scripted_space(tmp_path, TRIALS, SEARCH)
    monkeypatch.setenv("SWEEPER_TEST_KILL", f"{write}|{nth}|{is_done}|{tmp_path / 'killed'}")
    sweep(space, KilledWorker)
    reasons = [event.reason for event in log_of(space) if isinstance(event, TrialFailed)]
    assert len(reasons) == 1
    assert "SIGKILL" in reasons[0]
    assert_same_end(space, calm)


@pytest.mark.parametrize("seed", range(20))
def test_both_are_killed_at_random_moments(tmp_path: Path, calm: Path, seed: int) -> None:
    """The driver alone, whose worker ends with it, or both at once; up to three times in a row."""
    space, chance = save_scripted_space(tmp_path, TRIALS, SEARCH), random.Random(seed)
    kills = 0
    for _ in range(chance.randint(1, 3)):
        aimed = len(log_of(space)) + chance.randint(1, 50)
        pid = in_a_process(lambda: sweep(space, SpawnedScriptedWorker))
        while len(log_of(space)) < aimed and os.waitpid(pid, os.WNOHANG) == (0, 0):
            time.sleep(0.005)
        time.sleep(chance.random() * 0.02)
        children = children_of(pid) if chance.random() < 0.5 else []
        for each in (pid, *children):
            try:
                os.kill(each, signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                pass
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            break  # it had ended before it was killed
        wait_for_the_end_of(children)
    sweep(space, ScriptedWorker)
    assert kills
    assert_same_end(space, calm)


def children_of(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def wait_for_the_end_of(pids: list[int]) -> None:
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}/exe").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)
