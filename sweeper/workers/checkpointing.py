"""When a trial's state is saved, and that saving does not hold training up."""

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path

from sweeper.events import CheckpointSaved
from sweeper.training.checkpoint import (
    UnusableCheckpoint,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from sweeper.training.early_stopping import EarlyStopping
from sweeper.training.slot import Slot
from sweeper.workers.worker import Emit

_STOPPING = "early_stopping"
"""Its place in a checkpoint, beside the slot's own."""


class Checkpointing:
    """One trial's checkpoint: read at its start, written beside its training, removed at its end.

    The state is copied between two steps and written by `executor`; the copy on disk is told by
    CheckpointSaved from the training thread, at the next step or at `save`. OSErrors are raised there.
    `settle` has all steps up to the saved one logged first. `stopping` is saved with the slot.
    """

    def __init__(
        self,
        number: int,
        slot: Slot,
        path: Path,
        identity: str,
        executor: Executor,
        every_seconds: float,
        settle: Callable[[], None],
        stopping: EarlyStopping | None = None,
    ) -> None:
        self._number, self._slot, self._path, self._identity = number, slot, path, identity
        self._executor = executor
        self._every_seconds = every_seconds
        self._settle = settle
        self._stopping = stopping
        self._last = time.monotonic()
        self._writing: tuple[int, Future[None]] | None = None

    def resume(self) -> str | None:
        """Puts the slot where its checkpoint is, if it can; else gives the reason why it begins anew."""
        try:
            state = read_checkpoint(self._path, self._identity)
        except UnusableCheckpoint as unusable:
            return str(unusable)
        if state is None:
            return None
        if state["counters"]["step"] > self._slot.stop_step:
            return f"{self._path} is beyond step {self._slot.stop_step}, where the trial is to stop"
        if self._stopping is not None and _STOPPING not in state:
            return f"{self._path} was written without search.early_stopping"
        self._slot.load_state(state)
        if self._stopping is not None:
            self._stopping.load_state(state[_STOPPING])
            self._slot.has_ended_early = self._stopping.reason is not None and not self._slot.finished
        return None

    def after_step(self, emit: Emit) -> None:
        """Tells of what has been written, and begins to write where that is due."""
        if self._writing is not None and self._writing[1].done():
            self._told(emit)
        if self._slot.stopped:  # a pause saves for itself, and nothing goes on from an end
            return
        every_steps = self._slot.config.save_steps
        due = time.monotonic() - self._last >= self._every_seconds
        if due or (every_steps is not None and self._slot.step % every_steps == 0):
            self._begin(emit)

    def save(self, emit: Emit) -> None:
        """Has the present state on disk when it returns."""
        self._begin(emit)
        self._told(emit)

    def wait(self, emit: Emit) -> None:
        """Tells of what was being written, when it is."""
        if self._writing is not None:
            self._told(emit)

    def remove(self) -> None:
        """The trial has ended: nothing will go on from here."""
        if self._writing is not None:
            self._writing[1].result()
            self._writing = None
        remove_checkpoint(self._path)

    def _begin(self, emit: Emit) -> None:
        if self._writing is not None:
            self._told(emit)
        self._settle()
        state = self._slot.state()
        if self._stopping is not None:
            state[_STOPPING] = self._stopping.state()
        written = self._executor.submit(write_checkpoint, self._path, self._identity, state)
        self._writing = self._slot.step, written
        self._last = time.monotonic()

    def _told(self, emit: Emit) -> None:
        assert self._writing is not None
        step, written = self._writing
        self._writing = None
        written.result()
        emit(CheckpointSaved(self._number, time.time(), step))
