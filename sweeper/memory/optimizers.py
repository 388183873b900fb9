"""Optimizers for a replay: torch's own, and a stand-in that holds what bitsandbytes' 8-bit ones hold."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from sweeper.memory.settings import Optim

SMALLEST_8BIT_COUNT = 4096
"""Parameters with fewer elements keep fp32 state (bitsandbytes, min_8bit_size)."""
SMALLEST_PAGED_COUNT = 100_000
"""Parameters with fewer elements are not paged (bitsandbytes, Optimizer8bit.get_state_buffer)."""
BLOCK = 256
"""Elements that share one absmax in a blockwise state."""
_CODE = 256


class EightBitState(torch.optim.Optimizer):
    """Makes the state of AdamW8bit at the first step and changes nothing.

    Paged state lies in memory that the GPU shares with the host and may be moved out of the GPU's: it
    is not counted here. That it may stay in the GPU while there is room is not covered.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], paged: bool) -> None:
        super().__init__(parameters, {"lr": 0.0})
        self.paged = paged
        self.code: torch.Tensor | None = None

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and not self.state[parameter]:
                    self.state[parameter] = self._new_state(parameter)

    def _new_state(self, parameter: nn.Parameter) -> dict[str, torch.Tensor]:
        count = parameter.numel()
        if count < SMALLEST_8BIT_COUNT:
            return {name: torch.zeros_like(parameter, dtype=torch.float32) for name in ("state1", "state2")}
        if self.code is None:
            self.code = torch.zeros(2, _CODE)
        state = {name: torch.zeros(-(-count // BLOCK)) for name in ("absmax1", "absmax2")}
        if self.paged and count >= SMALLEST_PAGED_COUNT:
            return state
        return state | {name: torch.zeros_like(parameter, dtype=torch.uint8) for name in ("state1", "state2")}


def build_optimizer(optim: Optim, parameters: list[nn.Parameter], fused: bool) -> torch.optim.Optimizer:
    """`fused` is the engine's; otherwise the foreach one, which is torch's default on CUDA."""
    if optim == "adamw_torch":
        return torch.optim.AdamW(parameters, lr=1e-4, fused=fused, foreach=not fused)
    return EightBitState(parameters, paged=optim == "paged_adamw_8bit")


def warm_up(optimizer: torch.optim.Optimizer) -> None:
    """Makes the optimizer's state, as a first step would, and leaves no gradient behind."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
