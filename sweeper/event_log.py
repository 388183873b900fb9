"""The append-only record of one sweep: a line of JSON per event, in the order they were received."""

import os
from collections.abc import Iterator
from pathlib import Path

from sweeper.events import Event, from_json, to_json


class EventLog:
    """Appends events to a file and reads them back from any remembered position (in bytes).

    A crash can leave a last line without its end; opening the log for writing cuts it off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> None:
        """Makes the file ready to append to. Only the driver, under the sweep's lock, may call this."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "ab+") as file:
            file.seek(0)
            whole = file.read()
            file.truncate(whole.rfind(b"\n") + 1)

    def append(self, event: Event) -> None:
        """Writes one event, on disk when this returns."""
        with open(self.path, "ab") as file:
            file.write(to_json(event).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self, position: int = 0) -> Iterator[tuple[int, Event]]:
        """Whole events from `position` on, each with the position after it."""
        if not self.path.exists():
            return
        with open(self.path, "rb") as file:
            file.seek(position)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                position += len(line)
                yield position, from_json(line.decode())
