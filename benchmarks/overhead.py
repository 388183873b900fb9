"""What a sweep costs beside the work itself, and whether a trial costs the same late as early.

    python -m benchmarks.overhead [--trials 500] [--space search_spaces/quickstart.yaml] [--threads N]

First the space, with the worker in this process. What is told by name is the time inside forward and
backward, the optimizer, target_loss and the scoring of suites, by stopwatches that are put around those
functions here; all else of the wall time is what sweeper adds, but for loading the base, told by itself.
Aim: at most 5 % at steps of a second.

Then a sweep of tiny trials, each a few milliseconds of training, with the real databases: seconds a trial by
fifties, from the event log's times, and how long MLflow's writer lags behind at the end.
"""

import argparse
import contextlib
import functools
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from sweeper.driver import run_sweep
from sweeper.event_log import EventLog
from sweeper.events import Event, StepTrained, TrialAsked, TrialCompleted
from sweeper.home import Home
from sweeper.models.quiet import quiet_libraries
from sweeper.space.load import load_space
from sweeper.training.engine import Engine
from sweeper.training.slot import Slot
from sweeper.workers import workbench
from sweeper.workers.in_process import InProcessWorker
from tests.tiny_base import save_tiny_space

WORK: tuple[tuple[Any, str], ...] = (
    (Engine, "micro_step"),
    (Slot, "optimizer_step"),
    (workbench, "target_loss"),
    (workbench, "score_suite"),
)
LOADING: tuple[tuple[Any, str], ...] = ((workbench, "load_base"), (workbench, "tokenised_rows"))
BLOCK = 50


class Quiet:
    """A view that shows nothing."""

    def resume(self, events: Sequence[Event]) -> None:
        pass

    def apply(self, event: Event) -> None:
        pass

    def say(self, line: str) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=500, help="tiny ones")
    parser.add_argument("--space", type=Path, default=Path("search_spaces/quickstart.yaml"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    quiet_libraries()
    with tempfile.TemporaryDirectory() as folder:
        one_second_steps(Home(Path(folder) / "mlruns"), options.space)
    if options.trials:
        with tempfile.TemporaryDirectory() as folder:
            tiny_trials(Path(folder), options.trials)


def one_second_steps(home: Home, path: Path) -> None:
    space = load_space(path)
    began = time.monotonic()
    with stopwatch(LOADING) as loading, stopwatch(WORK) as work:
        run_sweep(home, space, InProcessWorker, Quiet(), 1)
    wall = time.monotonic() - began - sum(loading.values())
    seconds = step_seconds([event for _, event in EventLog(home.sweep(space.name).events).read()])
    print(f"{space.name}: {wall:.1f} s behind loading ({sum(loading.values()):.1f} s)")
    for name, spent in work.items():
        print(f"  {name:20} {spent:8.1f} s {spent / wall:8.1%}")
    print(f"  {'all else':20} {wall - sum(work.values()):8.1f} s {1 - sum(work.values()) / wall:8.1%}")
    print(f"  a step took {seconds:.2f} s at the median")


def step_seconds(events: Sequence[Event]) -> float:
    """The median time between two steps of a trial, by the log."""
    times: dict[int, list[float]] = {}
    for event in events:
        if isinstance(event, StepTrained):
            times.setdefault(event.trial, []).append(event.time)
    return statistics.median(
        later - earlier for each in times.values() for earlier, later in itertools.pairwise(each)
    )


def tiny_trials(folder: Path, count: int) -> None:
    path, home = save_tiny_space(folder, trials=count), Home(folder / "mlruns")
    began = time.monotonic()
    run_sweep(home, load_space(path), InProcessWorker, Quiet(), 1)
    ended = time.time()
    print(f"\n{count} tiny trials: {time.monotonic() - began:.1f} s")
    events = [event for _, event in EventLog(home.sweep("tiny").events).read()]
    asked = [event.time for event in events if isinstance(event, TrialAsked)]
    for first in range(0, count - BLOCK + 1, BLOCK):
        after = asked[first + BLOCK] if first + BLOCK < count else events[-1].time
        print(
            f"  trials {first + 1:4d} to {first + BLOCK:4d}: {(after - asked[first]) / BLOCK:.3f} s a trial"
        )
    last = max(event.time for event in events if isinstance(event, TrialCompleted))
    print(f"  MLflow's writer was done {ended - last:.1f} s after the last trial")
    for name in ("mlflow.db", "optuna.db"):
        print(f"  {name} has {(home.mlruns / name).stat().st_size / count / 1e3:.1f} kB a trial")


@contextlib.contextmanager
def stopwatch(targets: Sequence[tuple[Any, str]]) -> Iterator[dict[str, float]]:
    """Seconds inside each of the named functions, while they are called from one thread, none in another."""
    seconds = {name: 0.0 for _, name in targets}
    before = [getattr(owner, name) for owner, name in targets]

    def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.monotonic()
            try:
                return function(*args, **kwargs)
            finally:
                seconds[name] += time.monotonic() - start

        return call

    for (owner, name), function in zip(targets, before, strict=True):
        setattr(owner, name, watched(name, function))
    try:
        yield seconds
    finally:
        for (owner, name), function in zip(targets, before, strict=True):
            setattr(owner, name, function)


if __name__ == "__main__":
    main()
