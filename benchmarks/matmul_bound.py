"""The arithmetic bound of a training step: its multiplications, at the speed that this machine multiplies."""

import time
from dataclasses import dataclass
from typing import Any

import torch

from sweeper.training.batch import Batch
from sweeper.training.engine import Engine

SIZES = (512, 1024, 2048)
SECONDS_EACH = 0.5


def matmul_peak(dtype: torch.dtype) -> float:
    """FLOP/s of the fastest of some square products in `dtype`, each the best of half a second."""
    return max(_square_flops(size, dtype) for size in SIZES)


def _square_flops(size: int, dtype: torch.dtype) -> float:
    left, right = torch.rand(size, size).to(dtype), torch.rand(size, size).to(dtype)
    best, end = float("inf"), time.perf_counter() + SECONDS_EACH
    while time.perf_counter() < end:
        start = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


@dataclass(frozen=True, slots=True)
class StepFlops:
    """Multiply-adds, counted twice, that one micro-step cannot do without.

    Through a frozen matrix a token goes forward and its gradient back: 4 per weight. Through A and B it
    goes forward, and backward both gradients are taken: 6. Attention takes two products of length² in
    forward and four in backward, half of each where it is causal without a mask. The head runs on labels.
    Norms, activations, softmax and the optimizer are not counted.
    """

    per_token: float
    per_label: float
    per_squared_length: float

    @classmethod
    def of(cls, engine: Engine, rank: int) -> "StepFlops":
        frozen = sum(layer.base.in_features * layer.base.out_features for layer in engine.layers.values())
        adapters = sum(
            rank * (layer.base.in_features + layer.base.out_features) for layer in engine.layers.values()
        )
        config: Any = engine.model.config.get_text_config()
        return cls(
            per_token=4.0 * frozen + 6.0 * adapters,
            per_label=4.0 * config.hidden_size * config.vocab_size,
            per_squared_length=12.0 * config.hidden_size * config.num_hidden_layers,
        )

    def of_batch(self, batch: Batch) -> float:
        rows, length = batch.input_ids.shape
        squares = rows * length**2 * (0.5 if batch.attention_mask is None else 1.0)
        labels = int((batch.labels >= 0).sum())
        return self.per_token * rows * length + self.per_label * labels + self.per_squared_length * squares
