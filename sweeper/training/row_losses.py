"""What an adapter loses on rows that it is not trained on, token by token, batched by the engine's layout."""

from collections.abc import Iterator, Mapping, Sequence

import torch

from sweeper.data.encode import EncodedRow, common_prefix_length
from sweeper.training.engine import Engine
from sweeper.training.slot_linear import LoraWeights, active_slots

BATCH_TOKENS = 384
"""Tokens in a batch, at most; a longer row is a batch of its own. Attention under a packed row's mask grows
with its length, and of 1,024 tokens it was a quarter of the time."""


def row_losses(
    engine: Engine, adapter: Mapping[str, LoraWeights], rows: Sequence[EncodedRow]
) -> list[torch.Tensor]:
    """Each row's cross-entropies in nats, fp32, shape [its labels]; `rows` has at least one.

    No gradient, no dropout, no random number: a trial that is measured trains on as if it were not.
    The batches hang on `rows` alone, so a value does not depend on which trial asks for it, nor when.
    """
    losses: list[torch.Tensor] = []
    with torch.inference_mode(), active_slots(engine.layers, [adapter]):
        prefix = common_prefix_length(rows) if engine.layout == "packed" else 0
        for batch in _batches(rows, prefix):
            of_batch = engine.token_losses(engine.lay_out([batch], [True]))
            losses += torch.split(of_batch, [row.label_count for row in batch])
    return losses


def _batches(rows: Sequence[EncodedRow], prefix: int) -> Iterator[list[EncodedRow]]:
    """Rows in their order, each batch as long as BATCH_TOKENS allow with the `prefix` that all share."""
    batch: list[EncodedRow] = []
    tokens = prefix
    for row in rows:
        own = len(row.input_ids) - prefix
        if batch and tokens + own > BATCH_TOKENS:
            yield batch
            batch, tokens = [], prefix
        batch.append(row)
        tokens += own
    if batch:
        yield batch
