"""The memory limit of a sweep, from its space file and the devices that are there."""

from sweeper.memory.plan_within import Limit
from sweeper.space.limits_section import LimitSettings


def limit_of(settings: LimitSettings, device: int = 0) -> Limit | None:
    """The limit on one device, or None where `auto` finds no GPU to ask.

    A list has a size for each device; a device beyond it has the last one's. On a CPU a size that the
    user wrote applies to the engine's live tensors.
    """
    sizes = settings.gpu_memory_bytes
    if sizes is not None:
        return Limit(sizes[min(device, len(sizes) - 1)], settings.headroom)
    total = _cuda_total_bytes(device)
    return None if total is None else Limit(total, settings.headroom)


def limit_on(settings: LimitSettings, device_memory_bytes: int | None) -> Limit | None:
    """The limit that holds on every device, where a device is known to have so much in all.

    None where `auto` is left to a CPU, whose `device_memory_bytes` is None. Imports no torch.
    """
    sizes = settings.gpu_memory_bytes
    total = device_memory_bytes if sizes is None else min(sizes)
    return None if total is None else Limit(total, settings.headroom)


def smallest_limit(settings: LimitSettings) -> Limit | None:
    """The limit that holds on every device: a trial may come to any of them."""
    sizes = settings.gpu_memory_bytes
    return Limit(min(sizes), settings.headroom) if sizes is not None else limit_of(settings)


def _cuda_total_bytes(device: int) -> int | None:
    import torch

    if not torch.cuda.is_available() or device >= torch.cuda.device_count():
        return None
    return int(torch.cuda.get_device_properties(device).total_memory)


def device_memory_bytes(device: str) -> int | None:
    """All memory of a CUDA device, by torch's name of it; None for a CPU."""
    if not device.startswith("cuda"):
        return None
    import torch

    return int(torch.cuda.get_device_properties(device).total_memory)
