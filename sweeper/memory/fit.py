"""What fits on a GPU: a grid of steps, each with its predicted peak."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from sweeper.memory.base_config import BaseConfig
from sweeper.memory.predict import Prediction, predict_many
from sweeper.memory.settings import BaseSettings, Dtype, EngineStep, Layout, Optim, Quantization


@dataclass(frozen=True, slots=True)
class Grid:
    """Every combination of these is predicted.

    Rows are of one full length and share no prefix, so packing would save nothing and hold a mask.
    """

    ranks: Sequence[int]
    batches: Sequence[int]
    lengths: Sequence[int]
    quantization: Quantization = "none"
    dtype: Dtype = "bfloat16"
    checkpointing: Sequence[bool] = (False,)
    optim: Optim = "adamw_torch"
    cohort: int = 1
    layout: Layout = "padded"
    target_modules: tuple[str, ...] = ("all-linear",)


@dataclass(frozen=True, slots=True)
class FitRow:
    """One combination; `fits` where the prediction is within `limit_bytes`."""

    step: EngineStep
    prediction: Prediction
    limit_bytes: int

    @property
    def fits(self) -> bool:
        return self.prediction.predicted_bytes <= self.limit_bytes

    def as_json(self) -> dict[str, Any]:
        """Flat, with the settings under the names that a space file gives them."""
        step = self.step
        return {
            "fits": self.fits,
            "predicted_bytes": self.prediction.predicted_bytes,
            "limit_bytes": self.limit_bytes,
            "parts": self.prediction.parts,
            "lora_rank": step.lora_rank,
            "per_device_train_batch_size": step.micro_batch_size,
            "max_seq_length": step.seq_length,
            "gradient_checkpointing": step.gradient_checkpointing,
            "optim": step.optim,
            "cohort": step.cohort,
            "layout": step.layout,
            "target_modules": list(step.target_modules),
            **{name: value for name, value in asdict(step.base).items() if name in ("dtype", "quantization")},
        }


def fit(config: BaseConfig, grid: Grid, limit_bytes: int) -> list[FitRow]:
    """Rows in the order of checkpointing, rank, length, batch."""
    base = BaseSettings(grid.dtype, grid.quantization)
    steps = [
        EngineStep(
            base=base,
            layout=grid.layout,
            micro_batch_size=batch,
            seq_length=length,
            lora_rank=rank,
            target_modules=grid.target_modules,
            cohort=grid.cohort,
            optim=grid.optim,
            gradient_checkpointing=checkpointing,
        )
        for checkpointing, rank, length, batch in product(
            grid.checkpointing, grid.ranks, grid.lengths, grid.batches
        )
    ]
    predictions = predict_many(config, steps)
    return [
        FitRow(step, prediction, limit_bytes) for step, prediction in zip(steps, predictions, strict=True)
    ]


def largest_batches(rows: Sequence[FitRow]) -> dict[tuple[bool, int, int], int | None]:
    """By (checkpointing, rank, length) the largest batch of the grid that fits, or None."""
    largest: dict[tuple[bool, int, int], int | None] = {}
    for row in rows:
        step = row.step
        key = (step.gradient_checkpointing, step.lora_rank, step.seq_length)
        before = largest.setdefault(key, None)
        if row.fits:
            largest[key] = max(before or 0, step.micro_batch_size)
    return largest
