"""Follows every tensor storage from its birth to its death, on real and on fake tensors alike."""

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from sweeper.memory.allocator import CachingAllocator, fresh_block_bytes
from sweeper.memory.parts import PARTS, Part

Segment = tuple[str, int]
"""A stretch of the step: its name and the decoder layer it is in, from 0; -1 outside of layers."""

OUTSIDE = -1


class LiveTracker(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sums the bytes of all live storages, by part, after every operation that makes one.

    Within it, each new storage counts until the last tensor on it is gone, which is what an eager
    program holds. `moments` are these sums by part, `segments` the stretches in which they were
    taken. Not seen: what a kernel asks for and gives back within one operation, but for those
    that `sweeper.memory.cuda_kernels` adds by name. With an `allocator`, requests are handed on to it.
    """

    def __init__(
        self,
        round_bytes: Callable[[int], int] = fresh_block_bytes,
        allocator: CachingAllocator | None = None,
        vocabulary: int | None = None,
        workspaces: Mapping[Any, Callable[..., int]] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.round_bytes = round_bytes
        self.allocator = allocator
        self.vocabulary = vocabulary
        self.workspaces = workspaces or {}
        self.part: Part = "weights"
        self.segment: Segment = ("build", OUTSIDE)
        self.live = dict.fromkeys(PARTS, 0)
        self.moments: list[tuple[int, ...]] = []
        self.segments: list[Segment] = []
        self._parts: dict[int, Part] = {}

    @property
    def live_bytes(self) -> int:
        return sum(self.live.values())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        grown = False
        for leaf in tree_iter(result):
            if isinstance(leaf, torch.Tensor):
                grown |= self._add(leaf)
        if func in self.workspaces:
            self._pass_through(self.workspaces[func](*args, **(kwargs or {})))
        elif grown:
            self._record()
        return result

    def _record(self) -> None:
        self.moments.append(tuple(self.live.values()))
        self.segments.append(self.segment)

    def _pass_through(self, workspace_bytes: int) -> None:
        """What an operation took beside its outputs and has given back."""
        size = self.round_bytes(workspace_bytes)
        self.live["activations"] += size
        self._record()
        self.live["activations"] -= size
        if self.allocator:
            self.allocator.release(self.allocator.allocate(workspace_bytes))

    def forget(self) -> None:
        """Starts the record anew; what lives goes on to count."""
        self.moments.clear()
        self.segments.clear()

    def adopt(self, tensors: Iterable[torch.Tensor]) -> None:
        """Counts tensors that were there before and outlive the tracker, under the part counted now."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            if storage._cdata not in self._parts:
                self._parts[storage._cdata] = self.part
                self.live[self.part] += self.round_bytes(storage.nbytes())

    def keep_as(self, tensor: torch.Tensor, part: Part) -> None:
        """Counts the tensor's storage under another part from now on."""
        key = tensor.untyped_storage()._cdata
        before = self._parts.get(key)
        if before is not None:
            size = self.round_bytes(tensor.untyped_storage().nbytes())
            self.live[before] -= size
            self.live[part] += size
            self._parts[key] = part

    @contextmanager
    def counting_as(self, part: Part) -> Iterator[None]:
        """Within it, new storages count under `part`, unless their shape tells another one."""
        before, self.part = self.part, part
        try:
            yield
        finally:
            self.part = before

    def _add(self, tensor: torch.Tensor) -> bool:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._parts or storage.nbytes() == 0:
            return False
        size = self.round_bytes(storage.nbytes())
        part = self._part_of(tensor)
        self._parts[key] = part
        self.live[part] += size
        block = self.allocator.allocate(storage.nbytes()) if self.allocator else None

        def gone() -> None:
            self.live[self._parts.pop(key)] -= size
            if block is not None and self.allocator is not None:
                self.allocator.release(block)

        weakref.finalize(storage, gone).atexit = False
        return True

    def _part_of(self, tensor: torch.Tensor) -> Part:
        if self.part != "activations" or tensor.dim() < 2:
            return self.part
        if tensor.shape[-1] == self.vocabulary:
            return "logits"
        square = tensor.shape[-1] == tensor.shape[-2] >= 64
        one_for_all_heads = tensor.dim() == 4 and tensor.shape[1] == 1
        return "mask" if square and (one_for_all_heads or tensor.dtype == torch.bool) else "activations"
