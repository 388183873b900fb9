"""The loss of each case's expected answer, by any model that follows Hugging Face's causal LM API."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sweeper.data.template import Template
from sweeper.scoring.suite import Case

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BATCH_TOKENS = 2048
"""Tokens in a batch with its padding, at most; a longer case is a batch of its own."""

_Row = tuple[list[int], int]
"""Token ids, and where the expected answer begins."""


def case_losses(
    model: "PreTrainedModel", template: Template, cases: Sequence[Case], prompts: Sequence[str]
) -> list[float]:
    """Per case the mean cross-entropy, in nats, of `expected` and the end of turn, behind its prompt.

    As `target_loss` of the search takes it, case by case. Batches are padded on the right and hold no
    mask: what is behind a row is not seen by it.
    """
    import torch

    rows: list[_Row] = []
    for case, prompt in zip(cases, prompts, strict=True):
        asked, answer = template.piece_ids([(prompt, False), (case.expected + template.end, True)])
        rows.append(([*asked, *answer], len(asked)))
    losses: list[float] = []
    with torch.inference_mode():
        for batch in _batches(rows):
            losses += _losses(model, batch)
    return losses


def _batches(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Rows in their order, as many at a time as fit."""
    batch: list[_Row] = []
    for row in rows:
        longest = max(len(ids) for ids, _ in [*batch, row])
        if batch and longest * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _losses(model: "PreTrainedModel", batch: list[_Row]) -> list[float]:
    """One forward pass; the head runs from the first label on."""
    import torch

    longest = max(len(ids) for ids, _ in batch)
    first = min(start for _, start in batch) - 1
    tokens = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in batch], device=model.device)
    logits: torch.Tensor = model(input_ids=tokens, use_cache=False, logits_to_keep=longest - first).logits
    return [
        float(
            torch.nn.functional.cross_entropy(
                logits[row, start - 1 - first : len(ids) - 1 - first].float(), tokens[row, start : len(ids)]
            )
        )
        for row, (ids, start) in enumerate(batch)
    ]
