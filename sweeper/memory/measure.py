"""The peak memory of real steps of the engine: by torch on a GPU, by the live storages on a CPU."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from sweeper.memory.replay import round_on_cpu
from sweeper.memory.tracker import LiveTracker
from sweeper.training.slot import Slot

_ALWAYS_MEASURED = 2
"""Steps from the first one on: the second is the first that has the optimizer's state."""


class PeakMeter:
    """The most that the steps of `slots` held at once, with the base and all that belongs to the slots.

    On a GPU it is what torch's allocator says. On a CPU the tracker of live storages takes part in the
    first two steps, and in each that comes to a heavier micro-batch than all before, since it would
    slow down the others too. Not seen there: what a kernel takes and gives back within one operation.
    """

    def __init__(self, model: Any, slots: Sequence[Slot]) -> None:
        self.peak_bytes: int | None = None
        self.holding_bytes = 0
        """What the last step held when it ended or failed, 0 where nobody counted."""
        self._model, self._slots = model, slots
        self._is_cuda = next(model.parameters()).device.type == "cuda"
        self._steps, self._heaviest = 0, 0
        if self._is_cuda:
            torch.cuda.reset_peak_memory_stats()

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Around a step."""
        self.holding_bytes = 0
        if self._is_cuda:
            yield from self._on_cuda()
            return
        heaviest = max((slot.heaviest_pending_tokens for slot in self._slots if not slot.stopped), default=0)
        self._steps += 1
        if self._steps > _ALWAYS_MEASURED and heaviest <= self._heaviest:
            yield
            return
        self._heaviest = max(self._heaviest, heaviest)
        yield from self._on_cpu()

    def _on_cuda(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.peak_bytes = int(torch.cuda.max_memory_allocated())
            self.holding_bytes = int(torch.cuda.memory_allocated())

    def _on_cpu(self) -> Iterator[None]:
        tracker = LiveTracker(round_on_cpu)
        tracker.adopt([*self._model.parameters(), *self._model.buffers()])
        for slot in self._slots:
            tracker.adopt(slot.parameters)
            tracker.adopt(each for state in slot.optimizer.state.values() for each in _tensors(state))
        try:
            with tracker:
                yield
        finally:
            moments = (sum(moment) for moment in tracker.moments)
            self.peak_bytes = max(self.peak_bytes or 0, tracker.live_bytes, *moments, 0)
            self.holding_bytes = tracker.live_bytes


def _tensors(state: dict[str, Any]) -> list[torch.Tensor]:
    return [value for value in state.values() if isinstance(value, torch.Tensor)]
