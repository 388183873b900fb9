"""A frozen linear layer that K adapters share: the batch dimension is the slot."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from sweeper.training.dropout import DropoutDraw


@dataclass(frozen=True, slots=True, eq=False)
class LoraWeights:
    """One adapter's part in one layer: A [rank, in_features], B [out_features, rank], both fp32.

    `scaling` is what `lora_scaling` gives.
    """

    lora_a: nn.Parameter
    lora_b: nn.Parameter
    scaling: float


def lora_scaling(lora_alpha: float, rank: int, use_rslora: bool = False) -> float:
    """lora_alpha / rank (Hu et al. 2021, "LoRA", arXiv 2106.09685, section 4.1).

    With `use_rslora` lora_alpha / sqrt(rank), which keeps the size of the change over ranks
    (Kalajdzievski 2023, "A rank stabilization scaling factor", arXiv 2312.03732).
    """
    return lora_alpha / (math.sqrt(rank) if use_rslora else rank)


class SlotLinear(nn.Module):
    """Adds each active slot's low-rank change to the rows that belong to it.

    An input of [batch, tokens, in_features] is read as K equal parts along the batch, part k for
    slot k. Without active slots it is the base layer. It never owns adapters: slots do. The change is
    computed in the adapters' fp32 and the sum rounded to the base's precision, as PEFT does.
    """

    def __init__(self, base: nn.Linear, number: int) -> None:
        super().__init__()
        self.base = base
        self.number = number
        self.active: tuple[LoraWeights | None, ...] = ()
        self.dropouts: tuple[DropoutDraw | None, ...] = ()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.base(inputs)
        if not any(self.active):
            return output
        slots = len(self.active)
        rows = inputs.reshape(slots, -1, inputs.shape[-1]).float()
        if any(self.dropouts):
            rows = rows * self._kept(rows)
        down, up = _stack(self.active, rows)
        changed = torch.baddbmm(output.reshape(slots, -1, output.shape[-1]).float(), rows @ down, up)
        return changed.to(output.dtype).reshape(output.shape)

    def _kept(self, rows: torch.Tensor) -> torch.Tensor:
        pairs = zip(self.dropouts, rows, strict=True)
        return torch.stack(
            [draw.kept(self.number, own) if draw else torch.ones_like(own) for draw, own in pairs]
        )


def _stack(active: Sequence[LoraWeights | None], rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A^T [K, in, r] and scaled B^T [K, r, out]; smaller ranks and absent adapters filled with zeros."""
    present = [weights for weights in active if weights is not None]
    rank = max(weights.lora_a.shape[0] for weights in present)

    def padded(weights: LoraWeights | None) -> tuple[torch.Tensor, torch.Tensor]:
        if weights is None:
            some = present[0]
            return rows.new_zeros(some.lora_a.shape[1], rank), rows.new_zeros(rank, some.lora_b.shape[0])
        missing = rank - weights.lora_a.shape[0]
        down, up = weights.lora_a.T, weights.lora_b.T * weights.scaling
        if missing:
            down, up = nn.functional.pad(down, (0, missing)), nn.functional.pad(up, (0, 0, 0, missing))
        return down, up

    if len(active) == 1:
        down, up = padded(active[0])
        return down[None], up[None]
    pairs = [padded(weights) for weights in active]
    return torch.stack([down for down, _ in pairs]), torch.stack([up for _, up in pairs])


def wrap_linears(model: nn.Module, output_head: nn.Module | None) -> dict[str, SlotLinear]:
    """Replaces every linear layer but the output head, once per base. Gives them by their own names."""
    wrapped: dict[str, SlotLinear] = {}
    for parent_name, parent in list(model.named_modules()):
        for child_name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear) and child is not output_head:
                layer = SlotLinear(child, len(wrapped))
                setattr(parent, child_name, layer)
                wrapped[f"{parent_name}.{child_name}" if parent_name else child_name] = layer
    return wrapped


@contextmanager
def active_slots(
    layers: Mapping[str, SlotLinear],
    adapters: Sequence[Mapping[str, LoraWeights]],
    dropouts: Sequence[DropoutDraw | None] = (),
) -> Iterator[None]:
    """Within it, row part k of every batch goes through `adapters[k]`, by `dropouts[k]` if there are any."""
    for name, layer in layers.items():
        layer.active = tuple(adapter.get(name) for adapter in adapters)
        layer.dropouts = tuple(dropouts)
    try:
        yield
    finally:
        for layer in layers.values():
            layer.active, layer.dropouts = (), ()
