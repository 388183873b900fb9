"""The caching allocator's replay against figures worked out by hand from its source's constants."""

from hypothesis import given
from hypothesis import strategies as st

from sweeper.memory.allocator import Block, CachingAllocator, fresh_block_bytes, round_to_block

MB = 1 << 20


def test_requests_are_rounded_to_512_bytes() -> None:
    assert [round_to_block(size) for size in (1, 512, 513)] == [512, 512, 1024]


def test_small_requests_share_a_2_mb_segment() -> None:
    allocator = CachingAllocator()
    for _ in range(4):
        allocator.allocate(MB // 2)
    assert (allocator.allocated_bytes, allocator.reserved_bytes) == (2 * MB, 2 * MB)
    allocator.allocate(1)
    assert allocator.reserved_bytes == 4 * MB


def test_requests_below_10_mb_share_a_20_mb_segment_and_larger_ones_have_their_own() -> None:
    allocator = CachingAllocator()
    allocator.allocate(9 * MB)
    allocator.allocate(9 * MB)
    assert allocator.reserved_bytes == 20 * MB
    allocator.allocate(11 * MB)
    assert allocator.reserved_bytes == 32 * MB  # rounded to 2 MB


def test_a_rest_of_a_megabyte_is_not_split_off_and_counts_as_allocated() -> None:
    allocator = CachingAllocator()
    large = allocator.allocate(20 * MB)
    allocator.release(large)
    allocator.allocate(19 * MB)
    assert allocator.allocated_bytes == 20 * MB


@given(st.integers(1, 200 * MB))
def test_a_first_request_counts_as_the_allocator_counts_it(size: int) -> None:
    allocator = CachingAllocator()
    allocator.allocate(size)
    assert fresh_block_bytes(size) == allocator.allocated_bytes


def test_neighbours_are_joined_when_free() -> None:
    allocator = CachingAllocator()
    blocks = [allocator.allocate(5 * MB) for _ in range(4)]
    for block in blocks:
        allocator.release(block)
    allocator.allocate(20 * MB)
    assert allocator.reserved_bytes == 20 * MB


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40 * MB)), max_size=60))
def test_blocks_never_overlap_and_nothing_is_lost(requests: list[tuple[bool, int]]) -> None:
    allocator = CachingAllocator()
    held: list[Block] = []
    for free, size in requests:
        if free and held:
            allocator.release(held.pop(size % len(held)))
        else:
            held.append(allocator.allocate(size))
        assert allocator.allocated_bytes == sum(block.size_bytes for block in held)
        assert allocator.allocated_bytes <= allocator.reserved_bytes
    for block in held:
        allocator.release(block)
    allocator.empty_cache()
    assert (allocator.allocated_bytes, allocator.reserved_bytes) == (0, 0)
