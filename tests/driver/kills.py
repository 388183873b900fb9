"""Kills a process at a named write: before it, or when it is done."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar

import optuna

from sweeper.driver.books import Books
from sweeper.event_log import EventLog
from sweeper.search.study import Study
from sweeper.tracking.follower import Follower
from sweeper.workers.link import Link
from sweeper.workers.spawned import MakeBench
from sweeper.workers.worker import WorkerSetup
from tests.driver.scripted import ScriptedBench, SpawnedScriptedWorker

Place = tuple[Any, str]

DRIVER_WRITES: dict[str, Place] = {
    "log": (EventLog, "append"),
    "ask": (Study, "ask"),
    "ask stored": (optuna.Study, "add_trial"),
    "rung stored": (optuna.storages.RDBStorage, "set_trial_intermediate_value"),
    "note stored": (optuna.storages.RDBStorage, "set_trial_user_attr"),
    "tell": (optuna.Study, "tell"),
    "checkpoint forgotten": (Books, "_forget_checkpoint"),
    "position": (Follower, "_remember"),
}
WORKER_WRITES: dict[str, Place] = {
    "checkpoint": (ScriptedBench, "write_checkpoint"),
    "adapter": (ScriptedBench, "save_adapter"),
    "emit": (ScriptedBench, "save"),
}


@dataclass(frozen=True)
class Kill:
    """At the `nth` call (from 1) of a write. Where `flag` is given, only if that file is not there yet."""

    write: str
    nth: int
    is_done: bool
    flag: str | None = None

    def arm(self, writes: dict[str, Place]) -> None:
        owner, name = writes[self.write]
        setattr(owner, name, self._killing(getattr(owner, name)))

    def _killing(self, method: Callable[..., Any]) -> Callable[..., Any]:
        calls = 0

        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == self.nth and not self.is_done:
                self._die()
            result = method(*args, **kwargs)
            if calls == self.nth and self.is_done:
                self._die()
            return result

        return call

    def _die(self) -> None:
        if self.flag is not None:
            if os.path.exists(self.flag):
                return
            open(self.flag, "x").close()
        os.kill(os.getpid(), signal.SIGKILL)


def killed_bench(setup: WorkerSetup, link: Link) -> ScriptedBench:
    """In the worker's process: armed by what the test left in the environment."""
    write, nth, is_done, flag = os.environ["SWEEPER_TEST_KILL"].split("|")
    Kill(write, int(nth), is_done == "True", flag).arm(WORKER_WRITES)
    return ScriptedBench(setup, link)


class KilledWorker(SpawnedScriptedWorker):
    make_bench: ClassVar[MakeBench] = staticmethod(killed_bench)
