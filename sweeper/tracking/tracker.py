"""Keeps MLflow up with a sweep, beside the driver and never in its way."""

import threading
import time

from sweeper.errors import SweepError
from sweeper.event_log import EventLog
from sweeper.home import Home, SweepFolder
from sweeper.space.space import Space
from sweeper.tracking.follower import Follower
from sweeper.tracking.runs import RunStatus, failures

_PAUSE_SECONDS = 1.0
"""Between two writes: what came in meanwhile goes into one transaction."""
_LONGEST_PAUSE_SECONDS = 30.0


class Tracker:
    """Writes a sweep's events to MLflow, from a thread of its own.

    A thread, because importing MLflow and making its database takes seconds, and a locked database
    holds a writer for twenty. It belongs to the driver, which stays the only writer. Where writing
    fails, `behind` says why, and it is tried again, less and less often.

    Example:
        tracker = Tracker(home, home.sweep(space.name), space)
        for event in events:
            log.append(event)
            tracker.catch_up(log)
        tracker.finish(log)
    """

    def __init__(self, home: Home, folder: SweepFolder, space: Space) -> None:
        """Imports nothing and touches no disk."""
        self.behind: str | None = None
        self._follower = Follower(home, folder, space)
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def catch_up(self, log: EventLog) -> None:
        """Has `log`, the same one every time, written soon. Returns at once and raises nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep_up, args=(log,), name="tracker", daemon=True)
            self._thread.start()

    def finish(self, log: EventLog, status: RunStatus = "FINISHED", timeout_seconds: float = 60.0) -> None:
        """Writes all that is left and ends the sweep's run with `status` (KILLED after an interrupt).

        Raises SweepError if MLflow cannot be written for `timeout_seconds`. The log has everything:
        the next tracker of this sweep writes it.
        """
        deadline = time.monotonic() + timeout_seconds
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout_seconds)
            if self._thread.is_alive():
                raise _not_written(log, "it does not answer")
        while not self._try_to_write(log, status):
            if time.monotonic() >= deadline:
                raise _not_written(log, str(self.behind))
            time.sleep(_PAUSE_SECONDS)

    def _keep_up(self, log: EventLog) -> None:
        pause = 0.0
        while not self._closing.wait(pause):
            is_written = self._try_to_write(log, "RUNNING")
            pause = _PAUSE_SECONDS if is_written else min(2 * pause + _PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)

    def _try_to_write(self, log: EventLog, status: RunStatus) -> bool:
        try:
            self._follower.follow(log, status)
        except failures() as error:
            self.behind = " ".join(str(error).split())
            return False
        self.behind = None
        return True


def _not_written(log: EventLog, reason: str) -> SweepError:
    return SweepError(
        f"MLflow could not be written: {reason}. Nothing is lost: {log.path} has everything, and "
        "`sweep start` with the same space writes what is missing."
    )
