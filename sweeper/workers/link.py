"""What a working worker is to its driver beside the events it emits."""

from collections.abc import Callable
from dataclasses import dataclass


class Stopped(Exception):
    """The driver asked to stop: what is under way is saved and left. Never leaves the worker."""


def _nothing() -> None:
    pass


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Link:
    """`settle` returns when all that was emitted is in the driver's log: a checkpoint is written only
    then, so that it is never ahead of the log. `should_stop` says whether to save and leave."""

    settle: Callable[[], None] = _nothing
    should_stop: Callable[[], bool] = _never
