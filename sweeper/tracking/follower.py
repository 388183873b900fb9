"""Follows an event log to its end and remembers how far it came, over restarts."""

import itertools
import json
import os
from collections.abc import Iterator

from sweeper.event_log import EventLog
from sweeper.events import Event
from sweeper.home import Home, SweepFolder
from sweeper.space.space import Space
from sweeper.tracking.runs import RunStatus, SweepRuns
from sweeper.tracking.writer import Writer

_POSITION_FILE = "mlflow_position.json"
_EVENTS_PER_WRITE = 5000


class Follower:
    """Brings MLflow up to an event log. Lets MLflow's errors through; calling again then goes on.

    The position is remembered after the writes. Where it is lost or too early, events are written
    again, which changes nothing; where MLflow's database is a new one, all are written.
    """

    def __init__(self, home: Home, folder: SweepFolder, space: Space) -> None:
        self._home = home
        self._folder = folder
        self._space = space
        self._position_file = folder.path / _POSITION_FILE
        self._writer: Writer | None = None
        self._run_id = ""
        self._position = 0

    def follow(self, log: EventLog, status: RunStatus = "RUNNING") -> None:
        """Writes all events that are not written yet, then ends the sweep's run if `status` is an end."""
        if not log.path.exists() or log.path.stat().st_size == 0:
            return
        writer, self._writer = self._writer or self._open(log), None
        while batch := list(itertools.islice(log.read(self._position), _EVENTS_PER_WRITE)):
            writer.write(event for _, event in batch)
            self._position = batch[-1][0]
            self._remember()
        if status != "RUNNING":
            writer.close(status)
        self._writer = writer

    def _open(self, log: EventLog) -> Writer:
        """A writer that knows all events up to the position."""
        first_time = next((event.time for _, event in log.read()), 0.0)
        runs = SweepRuns(self._home, self._space.name, first_time)
        self._run_id, self._position = runs.sweep, self._recall(runs.sweep, log)
        writer = Writer(runs, self._folder, self._space)
        writer.skip(self._written(log))
        return writer

    def _written(self, log: EventLog) -> Iterator[Event]:
        events = itertools.takewhile(lambda entry: entry[0] <= self._position, log.read())
        return (event for _, event in events)

    def _remember(self) -> None:
        self._folder.path.mkdir(parents=True, exist_ok=True)
        part = self._position_file.with_suffix(".part")
        part.write_text(json.dumps({"sweep_run_id": self._run_id, "position": self._position}))
        os.replace(part, self._position_file)

    def _recall(self, run_id: str, log: EventLog) -> int:
        """The remembered position, or 0 where there is none for this run and this log."""
        try:
            remembered = json.loads(self._position_file.read_text())
            position = int(remembered["position"])
            is_ours = remembered["sweep_run_id"] == run_id and position <= log.path.stat().st_size
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return 0
        return position if is_ours else 0
