"""lora_dropout by counter: a mask is a function of its place in training, not of what was drawn before it.

So a recomputation under gradient checkpointing, a resumed run and a slot among others draw the same
masks as a straight run alone. They are reproducible on one kind of device; CPU and CUDA differ.
"""

import hashlib
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True, eq=False)
class DropoutDraw:
    """One slot's dropout in one micro-batch.

    `key` tells seed, step and micro-batch. `positions` [tokens] are the places of the slot's tokens
    among its rows, padding left out: how much padding there is depends on the other slots.
    """

    probability: float
    key: str
    positions: torch.Tensor

    def kept(self, layer: int, rows: torch.Tensor) -> torch.Tensor:
        """What the layer's inputs are multiplied with, like one slot's `rows` [places, features].

        0 with `probability`, else 1 / (1 - probability), as torch.nn.Dropout; 1 in the padding.
        """
        keep = 1.0 - self.probability
        seed = hashlib.blake2b(f"{self.key}/{layer}".encode(), digest_size=8).digest()
        generator = torch.Generator(rows.device).manual_seed(int.from_bytes(seed) >> 1)
        mask = torch.empty(len(self.positions), rows.shape[-1], device=rows.device)
        mask.bernoulli_(keep, generator=generator).div_(keep)
        factors = torch.ones_like(rows)
        factors[self.positions] = mask.to(rows.dtype)
        return factors
