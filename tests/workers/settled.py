"""Counting what is alive while other threads come to their ends."""

import contextlib
import gc
import time
from collections.abc import Callable, Iterator


def settled(count: Callable[[], int]) -> int:
    """The least of ten counts: a thread that has written a checkpoint lets go of it a moment later."""
    counts = []
    for _ in range(10):
        counts.append(count())
        time.sleep(0.02)
    return min(counts)


@contextlib.contextmanager
def new_objects_only() -> Iterator[None]:
    """Within it gc.get_objects gives what came after its beginning: of all that a process of many tests
    has imported one walk takes half a second."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
