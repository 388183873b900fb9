"""Counting what is alive while other threads come to their ends."""

import time
from collections.abc import Callable


def settled(count: Callable[[], int]) -> int:
    """The least of ten counts: a thread that has written a checkpoint lets go of it a moment later."""
    counts = []
    for _ in range(10):
        counts.append(count())
        time.sleep(0.02)
    return min(counts)
