"""What a row layout gives the engine: token rectangles in which every row belongs to one slot."""

from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True, slots=True)
class Batch:
    """The micro-batches of K slots, each in `rows_per_slot` rows that follow each other.

    With R = K * rows_per_slot, the shapes are: input_ids, labels, real [R, T]. `labels` holds the token
    that follows a position, IGNORED where none is trained; `real` is False in the padding.
    `position_ids` [R, T] is None where each row counts from 0. `attention_mask` [R, 1, T, T] is True
    where the query (third dimension) may see the key (fourth), and None where every position sees all
    before it, as far as the model itself looks back. `weights` [R, T] tells for how many rows of text a
    label counts, and is None where each counts once.
    """

    input_ids: torch.Tensor
    labels: torch.Tensor
    real: torch.Tensor
    position_ids: torch.Tensor | None = None
    attention_mask: torch.Tensor | None = None
    rows_per_slot: int = 1
    weights: torch.Tensor | None = None

    @property
    def slots(self) -> int:
        return len(self.input_ids) // self.rows_per_slot

    def to(self, device: torch.device) -> "Batch":
        """The same batch there."""
        if self.input_ids.device == device:
            return self
        moved = {
            name: value.to(device, non_blocking=True)
            for name in ("input_ids", "labels", "real", "position_ids", "attention_mask", "weights")
            if (value := getattr(self, name)) is not None
        }
        return replace(self, **moved)

    def real_of_slots(self) -> torch.Tensor:
        """`real` with each slot's rows end to end, shape [K, rows_per_slot * T]."""
        return self.real.reshape(self.slots, -1)
