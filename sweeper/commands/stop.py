"""`sweep stop`: ends a running sweep in good order, from another terminal."""

import os
import signal
import time

from sweeper.commands.sweeps import find_sweep
from sweeper.errors import InputError, UnavailableError
from sweeper.home import Home
from sweeper.lock import lock_holder

_WAIT_SECONDS = 60.0


def stop(home: Home, name: str) -> None:
    """What Ctrl-C does in the sweep's own terminal. Returns once the sweep has ended.

    Raises InputError where it does not run, UnavailableError where it does not end within a minute.
    """
    folder = find_sweep(home, name)
    holder = lock_holder(folder.lock)
    if holder is None:
        raise InputError(f"sweep {name!r}", "it is not running", "Start it with `sweep start SPACE`")
    os.kill(holder, signal.SIGINT)
    deadline = time.monotonic() + _WAIT_SECONDS
    while lock_holder(folder.lock) == holder:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"Process {holder} has not ended within {_WAIT_SECONDS:.0f} s: stop it again, or kill it; "
                "nothing that is finished gets lost."
            )
        time.sleep(0.1)
    print(f"{name} is stopped. Started again, it goes on.")
