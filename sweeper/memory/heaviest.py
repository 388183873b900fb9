"""The heaviest micro-batch that a trial will come to. Pure: its rows, their order and its cut are known."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sweeper.data.order import windows
from sweeper.memory.settings import Layout
from sweeper.space.trial_config import TrialConfig
from sweeper.training.padded import ROUND

_MOST_EXAMPLES = 300_000
"""Of a longer training the longest rows are taken together, for going through it would take seconds."""


@dataclass(frozen=True, slots=True)
class RowSizes:
    """Tokens of each row, and of the prompt before its first label; all tokens from there on are taken for
    labelled. The first `shared_prefix` tokens of all rows are equal.
    """

    lengths: Sequence[int]
    prompts: Sequence[int]
    shared_prefix: int = 0


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """`rows` rows of the batch, each of `tokens` positions, with `labels` labels in all."""

    rows: int
    tokens: int
    labels: int


def heaviest_micro_batch(
    sizes: RowSizes, config: TrialConfig, seed: int, micro_batch_size: int, layout: Layout
) -> MicroBatch:
    """What no micro-batch of the trial is above, in tokens or in labels.

    The packed layout computes the shared prefix once, but for trials with dropout. A micro-batch whose
    own rows share more is lighter than this.
    """
    cut = [
        (min(length, config.max_seq_length), min(length, config.max_seq_length) - prompt)
        for length, prompt in zip(sizes.lengths, sizes.prompts, strict=True)
        if prompt < config.max_seq_length
    ]
    batches = list(_micro_batches(cut, config, seed, micro_batch_size, layout == "padded"))
    labels = max(sum(labels for _, labels in batch) for batch in batches)
    if layout == "padded":
        longest = max(length for batch in batches for length, _ in batch)
        rows = max(len(batch) * max(length for length, _ in batch) for batch in batches)
        return MicroBatch(-(-rows // longest), _rounded(longest), labels)
    prefix = 0 if config.lora_dropout else min(sizes.shared_prefix, config.max_seq_length - 1)
    tokens = max(sum(length for length, _ in batch) - prefix * (len(batch) - 1) for batch in batches)
    return MicroBatch(1, _rounded(tokens), labels)


_Row = tuple[int, int]
"""Tokens and labels."""


def _micro_batches(
    rows: Sequence[_Row], config: TrialConfig, seed: int, size: int, by_length: bool
) -> Iterator[list[_Row]]:
    """Cut as `training.slot.Slot` cuts them."""
    size = min(size, config.effective_batch_size)
    order = windows(config, len(rows), seed)
    for window in islice(order, _MOST_EXAMPLES // config.effective_batch_size):
        pending = [rows[index] for index in window]
        if by_length:
            pending.sort()
        for start in range(0, len(pending), size):
            yield pending[start : start + size]
    if next(order, None) is not None:
        yield heapq.nlargest(size, rows)


def _rounded(tokens: int) -> int:
    return -(-tokens // ROUND) * ROUND
