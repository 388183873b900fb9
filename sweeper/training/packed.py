"""The packed row layout: a trial's micro-batch in one row, its common prefix computed once.

Each of a micro-batch's rows sees the shared prefix and itself, never its neighbours, and its
positions go on from the prefix as if it stood alone. So loss and gradients are those of the rows
one by one, with nothing padded but the end (Krell et al. 2021, "Efficient Sequence Packing without
Cross-contamination", arXiv 2107.02027, extended here by the shared prefix).
"""

from collections.abc import Iterator, Sequence
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


def shared_length(rows: Sequence[EncodedRow], over_labels: bool = False) -> int:
    """How many first positions all of `rows` share: none with a label, or `over_labels` as far as labels
    are the same too. A position's label is the token that follows, which must be shared with it then."""
    before_labels = common_prefix_length(rows)
    if not over_labels:
        return before_labels
    first, *others = ([*zip(row.input_ids, row.labels, strict=True)] for row in rows)
    common = len(first)
    for other in others:
        common = next((at for at in range(min(common, len(other))) if first[at] != other[at]), common)
        common = min(common, len(other))
    return max(before_labels, common - 1)


def packed_length(rows: Sequence[EncodedRow], prefix: int) -> int:
    """Tokens of `rows` in one packed row that computes their first `prefix` tokens once."""
    return sum(len(row.input_ids) for row in rows) - prefix * (len(rows) - 1)


def pack(
    groups: Sequence[Sequence[EncodedRow]],
    share_prefix: bool | Sequence[bool] = True,
    over_labels: bool = False,
) -> Batch:
    """Packs each slot's micro-batch (`groups[k]`, never empty) into row k.

    `share_prefix` is for all slots or for each. A slot with dropout must not share: each of its rows
    drops on its own. With `over_labels` a prefix may hold labels, which then weigh as much as there are rows.
    """
    shares = [share_prefix] * len(groups) if isinstance(share_prefix, bool) else share_prefix
    packed = [
        _pack_one(group, shared_length(group, over_labels) if share and len(group) > 1 else 0)
        for group, share in zip(groups, shares, strict=True)
    ]
    longest = max(len(row.tokens) for row in packed)
    length = -(-longest // ROUND) * ROUND

    def rectangle(columns: list[list[int]], fill: int) -> torch.Tensor:
        return torch.tensor([column + [fill] * (length - len(column)) for column in columns])

    segments = rectangle([row.segments for row in packed], _PADDING)
    weights = None
    if any(label != IGNORED and count > 1 for row in packed for label, count in row.weighted()):
        weights = rectangle([row.counts for row in packed], 0).float()
    return Batch(
        weights=weights,
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
    counts: list[int]
    """For how many rows of text a position stands."""

    def weighted(self) -> Iterator[tuple[int, int]]:
        """Each label with its count."""
        return zip(self.labels, self.counts, strict=True)


def _pack_one(group: Sequence[EncodedRow], prefix: int) -> _PackedRow:
    packed = _PackedRow(
        tokens=list(group[0].input_ids[:prefix]),
        positions=list(range(prefix)),
        labels=group[0].labels[1 : prefix + 1],
        segments=[_PREFIX] * prefix,
        counts=[len(group)] * prefix,
    )
    for segment, row in enumerate(group, start=1):
        length = len(row.input_ids)
        packed.tokens += row.input_ids[prefix:]
        packed.positions += range(prefix, length)
        packed.labels += [*row.labels[prefix + 1 :], IGNORED]  # a position's label is the token that follows
        packed.segments += [segment] * (length - prefix)
        packed.counts += [1] * (length - prefix)
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
