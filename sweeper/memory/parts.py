"""The parts of a step's peak, under the names that users see."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Part = Literal["weights", "adapters", "gradients", "optimizer", "activations", "logits", "mask"]

PARTS: tuple[Part, ...] = get_args(Part)
"""What a replay tells apart. `context` and `fragmentation` come on top of it, for a CUDA device."""


@dataclass(frozen=True, slots=True)
class Peak:
    """Bytes at the moment at which a step holds most, in all and by part."""

    peak_bytes: int
    parts: Mapping[Part, int]
