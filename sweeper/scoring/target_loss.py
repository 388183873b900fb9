"""How surely a model would write the expected answers: a smooth score, where right or wrong is coarse.

target_loss is the mean over the cases of the mean cross-entropy, in nats, over the tokens of a case's
expected answer and the end of turn after it. The mean is taken over cases, not over tokens, so that
each case counts as much as in the suite's score, however long its answer. Lower is better.

Nothing of a trial decides how it is computed: cases are never cut to max_seq_length, and they are
batched in the suite's order by a rule of their own. So values of all trials can be compared.

Where the loss only tells which trials go on, a part of the cases serves, the same at every rung.
"""

import random
from collections.abc import Mapping, Sequence

import torch

from sweeper.data.encode import EncodedRow
from sweeper.data.template import Template
from sweeper.scoring.ask import render_prompts
from sweeper.scoring.suite import Suite
from sweeper.training.engine import Engine
from sweeper.training.row_losses import row_losses
from sweeper.training.slot_linear import LoraWeights


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


def rung_rows(cases: Sequence[EncodedRow], number: int) -> tuple[EncodedRow, ...]:
    """`number` of the cases, in their order: drawn by chance, but the same ones each time. All where there
    are no more."""
    if len(cases) <= number:
        return tuple(cases)
    return tuple(cases[place] for place in sorted(random.Random(0).sample(range(len(cases)), number)))


def target_loss(engine: Engine, adapter: Mapping[str, LoraWeights], cases: Sequence[EncodedRow]) -> float:
    """target_loss of `adapter` on `cases` (from `expected_rows`, at least one).

    Not finite where the adapter is broken. Dropout is off.
    """
    means = [losses.mean() for losses in row_losses(engine, adapter, cases)]
    return float(torch.stack(means).double().mean())
