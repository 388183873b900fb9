"""GPUs by name or size."""

import pytest

from sweeper.errors import InputError
from sweeper.memory.gpus import GPU_BYTES, gpu_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24GB", 24 * 10**9),
        ("24 GiB", 24 << 30),
        ("RTX 4090", GPU_BYTES["rtx-4090"]),
        ("nvidia-a100-80gb", GPU_BYTES["a100-80gb"]),
    ],
)
def test_names_and_sizes(text: str, size: int) -> None:
    assert gpu_bytes(text) == size


def test_24gb_is_meant_for_any_card_sold_as_that() -> None:
    for name in ("rtx-3090", "rtx-4090", "a10g", "l4"):
        assert gpu_bytes("24GB") < 1.02 * GPU_BYTES[name]


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("24", "this has no unit. Write 24GB."),
        ("rtx-4080", "this is neither a known GPU nor a size. Did you mean 'rtx-4090'?"),
        ("much", "rtx-3090, rtx-4090, a10g, l4, t4, a100-40gb, a100-80gb, h100-80gb."),
    ],
)
def test_what_is_neither_is_told(text: str, end: str) -> None:
    with pytest.raises(InputError) as caught:
        gpu_bytes(text)
    assert str(caught.value).startswith(f"--gpu {text}: ")
    assert str(caught.value).endswith(end)
