"""How surely a model would write the expected answers: a smooth score, where right or wrong is coarse.

target_loss is the mean over the cases of the mean cross-entropy, in nats, over the tokens of a case's
expected answer and the end of turn after it. The mean is taken over cases, not over tokens, so that
each case counts as much as in the suite's score, however long its answer. Lower is better.

Nothing of a trial decides how it is computed: cases are never cut to max_seq_length, and they are
batched in the suite's order by a rule of their own. So values of all trials can be compared.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch

from sweeper.data.encode import EncodedRow, common_prefix_length
from sweeper.data.template import Template
from sweeper.scoring.ask import render_prompts
from sweeper.scoring.suite import Suite
from sweeper.training.engine import Engine
from sweeper.training.packed import pack
from sweeper.training.slot_linear import LoraWeights, active_slots

BATCH_TOKENS = 1024
"""Tokens in a packed batch, at most; a longer case is a batch of its own."""


def expected_rows(suite: Suite, template: Template) -> tuple[EncodedRow, ...]:
    """The suite's cases as training rows: each one's prompt, and its expected answer as what is trained.

    Prompts read as they do in scoring. Cases that expect no certain answer are left out.
    """
    rows = []
    for case, text in zip(suite.cases, render_prompts(template, suite), strict=True):
        if case.expected:
            prompt, answer = template.piece_ids([(text, False), (case.expected + template.end, True)])
            rows.append(EncodedRow((*prompt, *answer), len(prompt)))
    return tuple(rows)


def target_loss(engine: Engine, adapter: Mapping[str, LoraWeights], cases: Sequence[EncodedRow]) -> float:
    """target_loss of `adapter` on `cases` (from `expected_rows`, at least one).

    Not finite where the adapter is broken. Dropout is off.
    """
    means: list[torch.Tensor] = []
    with torch.inference_mode(), active_slots(engine.layers, [adapter]):
        for batch in _batches(cases):
            losses = engine.token_losses(pack([batch], engine.share_prefix))
            means += [part.mean() for part in torch.split(losses, [case.label_count for case in batch])]
    return float(torch.stack(means).double().mean())


def _batches(cases: Sequence[EncodedRow]) -> Iterator[list[EncodedRow]]:
    """Cases in their order, each batch as long as BATCH_TOKENS allow with the prefix that all share."""
    prefix = common_prefix_length(cases)
    batch: list[EncodedRow] = []
    tokens = prefix
    for case in cases:
        own = len(case.input_ids) - prefix
        if batch and tokens + own > BATCH_TOKENS:
            yield batch
            batch, tokens = [], prefix
        batch.append(case)
        tokens += own
    if batch:
        yield batch
