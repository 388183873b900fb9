"""Runs of whole sweeps on a tiny model, and what they leave."""

from collections.abc import Callable, Sequence
from pathlib import Path

from sweeper.driver import run_sweep
from sweeper.event_log import EventLog
from sweeper.events import Event, TrialCompleted
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
    space: Path, make_worker: Callable[[WorkerSetup], Worker] = InProcessWorker, view: Watching | None = None
) -> list[Event]:
    """Runs the sweep of `space`, with its state beside it, and gives the whole log."""
    home = Home(space.parent / "mlruns")
    run_sweep(home, load_space(space), make_worker, view or Watching())
    return [event for _, event in EventLog(home.sweep("tiny").events).read()]


def of_kind(events: list[Event], kind: type[Event]) -> list[int]:
    return [event.trial for event in events if isinstance(event, kind)]


def states(space: Path) -> list[str]:
    return [trial.state for trial in Study(Home(space.parent / "mlruns"), load_space(space)).trials()]


def outcome(events: list[Event]) -> list[tuple[int, float]]:
    return [(event.trial, event.objective) for event in events if isinstance(event, TrialCompleted)]
