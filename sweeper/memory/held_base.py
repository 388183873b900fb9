"""How a loaded base is really held, in the predictor's words."""

from typing import Any, cast

import torch

from sweeper.memory.settings import BaseSettings, Device, Dtype


def held_as(model: Any) -> BaseSettings:
    """Its precision, quantisation and device. Not covered: quantisation other than nf4."""
    is_nf4 = bool(getattr(model, "is_loaded_in_4bit", False))
    return BaseSettings(
        dtype=cast(Dtype, str(model.dtype).removeprefix("torch.")),
        quantization="nf4" if is_nf4 else "none",
        device=cast(Device, model.device.type),
    )


def device_memory_bytes(model: Any) -> int | None:
    """All memory of the GPU that holds the model, None on a CPU."""
    if model.device.type != "cuda":
        return None
    return int(torch.cuda.get_device_properties(model.device).total_memory)
