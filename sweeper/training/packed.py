"""The packed row layout: a trial's micro-batch in one row, its common prefix computed once.

Each of a micro-batch's rows sees the shared prefix and itself, never its neighbours, and its
positions go on from the prefix as if it stood alone. So loss and gradients are those of the rows
one by one, with nothing padded but the end (Krell et al. 2021, "Efficient Sequence Packing without
Cross-contamination", arXiv 2107.02027, extended here by the shared prefix).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sweeper.data.encode import IGNORED, EncodedRow, common_prefix_length
from sweeper.training.batch import Batch
from sweeper.training.padded import ROUND

_PADDING = -1
_PREFIX = 0


def attention_window(config: Any) -> int | None:
    """How many tokens some layer looks back, by the model's config, or None where all see everything.

    transformers lets a mask of four dimensions take a window's place, so rows longer than this would
    be trained in the packed layout without it. Rows that fit cannot tell.
    """
    windows = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    return min((int(window) for window in windows if window), default=None)


def pack(groups: Sequence[Sequence[EncodedRow]], share_prefix: bool | Sequence[bool] = True) -> Batch:
    """Packs each slot's micro-batch (`groups[k]`, never empty) into row k.

    `share_prefix` is for all slots or for each. A slot with dropout must not share: each of its rows
    drops on its own.
    """
    shares = [share_prefix] * len(groups) if isinstance(share_prefix, bool) else share_prefix
    packed = [
        _pack_one(group, common_prefix_length(group) if share else 0)
        for group, share in zip(groups, shares, strict=True)
    ]
    longest = max(len(row.tokens) for row in packed)
    length = -(-longest // ROUND) * ROUND

    def rectangle(columns: list[list[int]], fill: int) -> torch.Tensor:
        return torch.tensor([column + [fill] * (length - len(column)) for column in columns])

    segments = rectangle([row.segments for row in packed], _PADDING)
    return Batch(
        input_ids=rectangle([row.tokens for row in packed], 0),
        position_ids=rectangle([row.positions for row in packed], 0),
        labels=rectangle([row.labels for row in packed], IGNORED),
        attention_mask=_mask(segments),
        real=segments != _PADDING,
    )


@dataclass(slots=True)
class _PackedRow:
    tokens: list[int]
    positions: list[int]
    labels: list[int]
    segments: list[int]


def _pack_one(group: Sequence[EncodedRow], prefix: int) -> _PackedRow:
    packed = _PackedRow(
        tokens=list(group[0].input_ids[:prefix]),
        positions=list(range(prefix)),
        labels=[IGNORED] * prefix,
        segments=[_PREFIX] * prefix,
    )
    for segment, row in enumerate(group, start=1):
        length = len(row.input_ids)
        packed.tokens += row.input_ids[prefix:]
        packed.positions += range(prefix, length)
        packed.labels += [*row.labels[prefix + 1 :], IGNORED]  # a position's label is the token that follows
        packed.segments += [segment] * (length - prefix)
    return packed


def _mask(segments: torch.Tensor) -> torch.Tensor:
    """segments [K, T] to the mask [K, 1, T, T]. Padding sees itself alone: a row of no key gives NaN."""
    length = segments.shape[1]
    query, key = segments[:, :, None], segments[:, None, :]
    same_row = (query == key) & (query != _PADDING)
    prefix = (key == _PREFIX) & (query != _PADDING)
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    itself = torch.eye(length, dtype=torch.bool)
    return ((same_row | prefix) & causal | itself)[:, None]
