"""PyTorch's caching allocator for CUDA, replayed: what it reserves for a row of requests.

The constants and the splitting rule are those of c10/cuda/CUDACachingAllocator.cpp (kMinBlockSize,
kSmallSize, kSmallBuffer, kLargeBuffer, kMinLargeAlloc, kRoundLarge). Not covered: expandable
segments, several streams, cudaMallocAsync, and the memory of kernels that ask the driver themselves.
"""

import bisect
from dataclasses import dataclass, field

MIN_BLOCK_BYTES = 512
SMALL_REQUEST_BYTES = 1 << 20
SMALL_SEGMENT_BYTES = 2 << 20
MEDIUM_REQUEST_BYTES = 10 << 20
MEDIUM_SEGMENT_BYTES = 20 << 20
LARGE_ROUNDING_BYTES = 2 << 20


def round_to_block(size_bytes: int) -> int:
    """The size of the block that a request gets, before any remainder that is not worth splitting."""
    return max(MIN_BLOCK_BYTES, -(-size_bytes // MIN_BLOCK_BYTES) * MIN_BLOCK_BYTES)


def fresh_block_bytes(size_bytes: int) -> int:
    """What a request counts as allocated, where it gets a segment of its own if it is large.

    A rest of up to 1 MB stays with its block: 35 MiB count as the 36 of their segment.
    """
    size = round_to_block(size_bytes)
    segment = -(-size // LARGE_ROUNDING_BYTES) * LARGE_ROUNDING_BYTES
    whole = size >= MEDIUM_REQUEST_BYTES and segment - size <= SMALL_REQUEST_BYTES
    return segment if whole else size


@dataclass(slots=True, eq=False)
class Block:
    """A piece of a segment; `before` and `after` are its neighbours there."""

    size_bytes: int
    small: bool
    number: int
    before: "Block | None" = None
    after: "Block | None" = None
    free: bool = False


@dataclass(slots=True)
class CachingAllocator:
    """Takes requests and releases in their order; tells what is allocated and reserved, and the peaks.

    `allocated_bytes` counts whole blocks as torch.cuda.memory_allocated does, `reserved_bytes` whole
    segments as torch.cuda.memory_reserved.
    """

    allocated_bytes: int = 0
    reserved_bytes: int = 0
    peak_allocated_bytes: int = 0
    peak_reserved_bytes: int = 0
    _free: dict[bool, list[tuple[int, int]]] = field(default_factory=lambda: {True: [], False: []})
    _blocks: dict[int, Block] = field(default_factory=dict)
    _next_number: int = 0

    def allocate(self, size_bytes: int) -> Block:
        """The smallest free block that is large enough, else one in a new segment."""
        size = round_to_block(size_bytes)
        block = self._take_free(size) or self._new_segment(size)
        self._split(block, size)
        block.free = False
        self.allocated_bytes += block.size_bytes
        self.peak_allocated_bytes = max(self.peak_allocated_bytes, self.allocated_bytes)
        return block

    def release(self, block: Block) -> None:
        """Gives the block back to the cache, joined with free neighbours."""
        self.allocated_bytes -= block.size_bytes
        block.free = True
        if block.before is not None and block.before.free:
            self._remove_free(block.before)
            block = self._join(block.before, block)
        if block.after is not None and block.after.free:
            self._remove_free(block.after)
            block = self._join(block, block.after)
        bisect.insort(self._free[block.small], (block.size_bytes, block.number))

    def empty_cache(self) -> None:
        """Returns all segments that are wholly free, as torch.cuda.empty_cache does."""
        for small, free in self._free.items():
            kept = []
            for size, number in free:
                block = self._blocks[number]
                if block.before is None and block.after is None:
                    self.reserved_bytes -= size
                    del self._blocks[number]
                else:
                    kept.append((size, number))
            self._free[small] = kept

    def reset_peaks(self) -> None:
        self.peak_allocated_bytes, self.peak_reserved_bytes = self.allocated_bytes, self.reserved_bytes

    def _take_free(self, size: int) -> Block | None:
        free = self._free[size <= SMALL_REQUEST_BYTES]
        index = bisect.bisect_left(free, (size, -1))
        return self._blocks[free.pop(index)[1]] if index < len(free) else None

    def _new_segment(self, size: int) -> Block:
        small = size <= SMALL_REQUEST_BYTES
        if small:
            segment = SMALL_SEGMENT_BYTES
        elif size < MEDIUM_REQUEST_BYTES:
            segment = MEDIUM_SEGMENT_BYTES
        else:
            segment = -(-size // LARGE_ROUNDING_BYTES) * LARGE_ROUNDING_BYTES
        self.reserved_bytes += segment
        self.peak_reserved_bytes = max(self.peak_reserved_bytes, self.reserved_bytes)
        return self._new_block(segment, small)

    def _new_block(self, size: int, small: bool) -> Block:
        block = Block(size, small, self._next_number)
        self._blocks[block.number] = block
        self._next_number += 1
        return block

    def _split(self, block: Block, size: int) -> None:
        """Cuts off what is left over, unless it is too little: under 512 B, or 1 MB of a large block."""
        rest = block.size_bytes - size
        if not (rest >= MIN_BLOCK_BYTES if block.small else rest > SMALL_REQUEST_BYTES):
            return
        other = self._new_block(rest, block.small)
        other.before, other.after, other.free = block, block.after, True
        if block.after is not None:
            block.after.before = other
        block.after, block.size_bytes = other, size
        bisect.insort(self._free[other.small], (rest, other.number))

    def _join(self, left: Block, right: Block) -> Block:
        left.size_bytes += right.size_bytes
        left.after = right.after
        if right.after is not None:
            right.after.before = left
        del self._blocks[right.number]
        return left

    def _remove_free(self, block: Block) -> None:
        free = self._free[block.small]
        del free[bisect.bisect_left(free, (block.size_bytes, block.number))]
