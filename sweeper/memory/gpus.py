"""GPUs by name."""

import re

from sweeper.errors import InputError
from sweeper.space.memory_size import memory_bytes
from sweeper.space.suggest import did_you_mean

_GIB = 1 << 30

GPU_BYTES = {
    "rtx-3090": int(23.68 * _GIB),
    "rtx-4090": int(23.63 * _GIB),
    "a10g": int(21.98 * _GIB),
    "l4": int(21.95 * _GIB),
    "t4": int(14.56 * _GIB),
    "a100-40gb": int(39.38 * _GIB),
    "a100-80gb": int(79.14 * _GIB),
    "h100-80gb": int(79.09 * _GIB),
}
"""What CUDA reports as a card's total, which is less than its name says: the driver, and on the
cards with ECC that, take their part. The lowest figures seen in users' out-of-memory messages."""

_FORMS = "Write a size such as 24GB (10^9 bytes each) or 24GiB (2^30), or a GPU's name"


_WITHOUT_BFLOAT16 = frozenset({"t4"})


def gpu_takes_bfloat16(text: str) -> bool:
    """Whether a GPU by name computes in bfloat16 itself; of one that is a size alone that is taken for so."""
    return _name(text) not in _WITHOUT_BFLOAT16


def _name(text: str) -> str:
    return re.sub(r"[\s_]+", "-", text.strip().lower()).removeprefix("nvidia-")


def gpu_bytes(text: str) -> int:
    """Usable bytes of a GPU by name or size. Raises InputError for anything else.

    GB is 10^9 and GiB 2^30 bytes. "24GB" is meant for any card sold as 24 GB: it is less than a 3090 or
    4090 reports, and 1 to 2 % more than an A10G or L4, whose names say it exactly.
    """
    name = _name(text)
    if name in GPU_BYTES:
        return GPU_BYTES[name]
    size = memory_bytes(text)
    if size is not None:
        return size
    if re.fullmatch(r"[\d.]+", name):
        raise InputError(f"--gpu {text}", "this has no unit", f"Write {name}GB")
    raise InputError(
        f"--gpu {text}",
        "this is neither a known GPU nor a size",
        did_you_mean(name, GPU_BYTES, f"{_FORMS}: {', '.join(GPU_BYTES)}"),
    )
