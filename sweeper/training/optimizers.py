"""Optimizers by Trainer's names."""

from collections.abc import Sequence

import torch
from torch import nn


def make_optimizer(
    optim: str, parameters: Sequence[nn.Parameter], learning_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """AdamW with torch's and Trainer's betas and epsilon, its state as `optim` says.

    The 8-bit ones quantise their state in blocks (Dettmers et al. 2022, "8-bit Optimizers via Block-wise
    Quantization", arXiv 2110.02861), but for parameters of fewer than 4,096 elements. Without a CUDA
    device nothing can be paged: there the paged one is the other.
    """
    if optim == "adamw_torch":
        return torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay, fused=True)
    from bitsandbytes.optim import AdamW

    is_paged = optim == "paged_adamw_8bit" and parameters[0].device.type == "cuda"
    optimizer: torch.optim.Optimizer = AdamW(
        parameters, lr=learning_rate, weight_decay=weight_decay, optim_bits=8, is_paged=is_paged
    )
    return optimizer
