"""What a causal model does to the output head's products before they are logits."""

from typing import Any

import torch


def finished_logits(config: Any, logits: torch.Tensor) -> torch.Tensor:
    """Gemma 2 and 3 cap them, Cohere multiplies and Granite divides them, by their configs' names."""
    if (cap := getattr(config, "final_logit_softcapping", None)) is not None:
        logits = torch.tanh(logits / cap) * cap
    if (factor := getattr(config, "logit_scale", None)) is not None:
        logits = logits * factor
    if (divisor := getattr(config, "logits_scaling", None)) is not None:
        logits = logits / divisor
    return logits
