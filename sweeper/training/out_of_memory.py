"""Telling that memory ran out from all else that may break, on a GPU and on a CPU."""

import re

import torch

_CPU = "DefaultCPUAllocator: can't allocate memory"
_CUDA = ("CUDA out of memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed: torch's own error, the CPU allocator's, Python's, a CUDA library's.

    torch raises MemoryError where C++ gets none (std::bad_alloc), and a plain RuntimeError for most
    of the rest, so its text has to tell.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in (_CPU, *_CUDA))


def requested_bytes(error: BaseException) -> int | None:
    """What was asked for in vain, where the error tells it.

    CUDA: "Tried to allocate 2.00 GiB"; CPU: "you tried to allocate 123 bytes".
    """
    found = re.search(r"[Tt]ried to allocate (\d+(?:\.\d+)?) (bytes|KiB|MiB|GiB)", str(error))
    return int(float(found[1]) * _UNITS[found[2]]) if found else None
