"""A worker in a process of its own: a crash there costs a trial's time, never the sweep."""

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ClassVar

from sweeper.errors import SweepError, TrainingError, WorkerOutOfMemory
from sweeper.events import Event
from sweeper.memory.plan import Cohort
from sweeper.workers.link import Link
from sweeper.workers.oom_killer import oom_kill_count
from sweeper.workers.worker import Emit, WorkerFacts, WorkerSetup

LOG_FILE = "worker.log"
STOP_SIGNAL = signal.SIGUSR1
"""Asks a worker to save and return. It is ignored until the worker can."""
_SETTLE = "settle"
"""Goes from the worker to the driver and back: all events sent before it are logged then."""
_SECONDS_TO_END = 2.0


MakeBench = Callable[[WorkerSetup, Link], Any]


def _load_workbench(setup: WorkerSetup, link: Link) -> Any:
    from sweeper.workers.workbench import Workbench

    return Workbench(setup, link)


class SpawnedWorker:
    """Starts at once and loads in the background; `facts` waits for it.

    What the process prints goes to worker.log in the sweep's folder. It ends when its driver does.
    """

    make_bench: ClassVar[MakeBench] = staticmethod(_load_workbench)
    """Called in the child, so it must be a module's own function."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._log = setup.sweep_folder / LOG_FILE
        self._oom_kills = oom_kill_count()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        arguments = (setup, theirs, self._log, type(self).make_bench)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        # Ctrl-C reaches the whole process group; the driver alone decides what it means. An ignored
        # signal stays ignored over exec, so the child never sees it, not even while it starts.
        handlers = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, STOP_SIGNAL)}
        try:
            self._process.start()
        finally:
            for each, handler in handlers.items():
                signal.signal(each, handler)
        theirs.close()
        self._facts: WorkerFacts | None = None
        self._is_busy = False

    def facts(self) -> WorkerFacts:
        if self._facts is None:
            self._facts = self._until_done(lambda event: None)
        return self._facts

    def score_base(self, emit: Emit) -> None:
        self._ask(("score_base", ()), emit)

    def train(self, cohort: Cohort, emit: Emit) -> None:
        self._ask(("train", (cohort,)), emit)

    def score_guard(self, trial: int, emit: Emit) -> None:
        self._ask(("score_guard", (trial,)), emit)

    def stop(self) -> None:
        if self._process.pid is not None and self._process.is_alive():
            os.kill(self._process.pid, STOP_SIGNAL)

    def close(self) -> None:
        """A busy worker is killed: it writes nothing that half of it would spoil."""
        if self._is_busy:
            self._process.kill()
        self._pipe.close()  # an idle worker reads its end
        self._process.join(timeout=_SECONDS_TO_END)
        self._process.kill()
        self._process.join()

    def _ask(self, request: tuple[str, tuple[Any, ...]], emit: Emit) -> None:
        self.facts()
        try:
            self._pipe.send(request)
        except (BrokenPipeError, ConnectionResetError):
            raise self._died() from None
        self._until_done(emit)

    def _until_done(self, emit: Emit) -> Any:
        self._is_busy = True
        try:
            while True:
                message = self._pipe.recv()
                if isinstance(message, Event):
                    emit(message)
                elif message == _SETTLE:
                    self._pipe.send(_SETTLE)
                elif isinstance(message, SweepError):
                    raise message
                else:
                    return message[0]
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise self._died() from None
        finally:
            self._is_busy = False

    def _died(self) -> TrainingError:
        self._process.join(timeout=10)
        code = self._process.exitcode
        if code == -signal.SIGKILL and oom_kill_count() != self._oom_kills:
            return WorkerOutOfMemory("Linux killed the worker process, for the machine's memory ran out")
        how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        return TrainingError(f"the worker process ended by {how}; what it printed is in {self._log}")


def _serve(setup: WorkerSetup, pipe: "Connection[Any, Any]", log: Path, make_bench: MakeBench) -> None:
    """The child's life: load, then answer requests until the driver closes the pipe or dies."""
    _print_into(log)
    _keep_progress_bars_off_semaphores()
    threading.Thread(target=_end_with_driver, daemon=True).start()
    bench: Any = None
    stop = threading.Event()
    signal.signal(STOP_SIGNAL, lambda *_: stop.set())

    def settle() -> None:
        pipe.send(_SETTLE)
        pipe.recv()

    def load() -> WorkerFacts:
        nonlocal bench
        bench = make_bench(setup, Link(settle, stop.is_set))
        facts: WorkerFacts = bench.facts()
        return facts

    try:
        _answer(pipe, load)
        while bench is not None:
            name, arguments = pipe.recv()
            _answer(pipe, lambda: getattr(bench, name)(*arguments, pipe.send))  # noqa: B023
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _answer(pipe: "Connection[Any, Any]", work: Any) -> None:
    """Sends a one-element tuple with the result, or the error that ended the work."""
    try:
        answer: Any = (work(),)
    except SweepError as error:
        answer = error
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # whatever broke a trial is data for the driver, not the worker's end
        traceback.print_exc()
        answer = TrainingError(f"{type(error).__name__}: {error}".splitlines()[0])
    pipe.send(answer)


def _print_into(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def _keep_progress_bars_off_semaphores() -> None:
    """A worker that is killed would leave tqdm's behind, and Python would print a warning about it."""
    from tqdm import tqdm

    tqdm.set_lock(threading.RLock())


def _end_with_driver() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
