"""Locks that the operating system lets go when their holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sweeper.errors import UnavailableError


@contextmanager
def held_lock(path: Path, what: str) -> Iterator[None]:
    """Holds the lock file of `what`. Raises UnavailableError while another process holds it.

    The file stays; only the lock on it counts, so nothing is left over by kill -9.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise UnavailableError(
                f"{what} is already running (process {holder}). Wait for it or stop it."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def lock_holder(path: Path) -> int | None:
    """The process that holds the lock file, or None where nobody does. A process id left over in the
    file of a dead holder does not count."""
    try:
        file = open(path, encoding="utf-8")  # noqa: SIM115
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read().strip() or 0) or None
        return None
