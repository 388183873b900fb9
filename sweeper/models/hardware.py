"""What of the machine decides how a base is held. Asked without importing torch where it can be."""

import ctypes
import os
from pathlib import Path

BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""By these a CPU multiplies bfloat16 faster than float32."""

_BFLOAT16_CAPABILITY = (8, 0)
"""The first CUDA capability whose tensor cores take bfloat16 (Ampere)."""


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The CPU's features by Linux' names; none where the system does not tell them so."""
    try:
        lines = cpuinfo.read_text(encoding="ascii", errors="ignore").splitlines()
    except OSError:
        return frozenset()
    return next(
        (frozenset(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), frozenset()
    )


def cuda_count() -> int:
    """How many CUDA devices torch sees. Without NVIDIA's driver torch is not asked: that takes seconds."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return 0
    try:
        ctypes.CDLL("libcuda.so.1" if os.name == "posix" else "nvcuda.dll")
    except OSError:
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def cuda_takes_bfloat16(index: int) -> bool:
    """Whether that CUDA device computes in bfloat16 itself."""
    import torch

    return torch.cuda.get_device_capability(index) >= _BFLOAT16_CAPABILITY
