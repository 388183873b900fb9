"""eval_loss: the loss on rows that are not trained on, which rises once a trial learns its rows by heart.

It is the mean cross-entropy, in nats, over all labels of the validation rows: as `loss` is of the rows
that are trained on, so that the two can be laid over each other. (Trainer's eval_loss is that mean where
all its batches have as many labels.) Every trial is measured on the same rows at the same length, so
the values of different trials can be compared.
"""

import random
from collections.abc import Mapping, Sequence

import torch

from sweeper.data.cut_rows import cut_rows
from sweeper.data.encode import EncodedRow
from sweeper.training.engine import Engine
from sweeper.training.row_losses import row_losses
from sweeper.training.slot_linear import LoraWeights

ROWS = 200
"""Validation rows that are measured, at most: an evaluation is to cost little beside the training."""

EVALUATIONS = 10
"""In a whole trial, where `eval_steps` does not say when."""


def evaluated_rows(rows: Sequence[EncodedRow], max_seq_length: int, seed: int) -> tuple[EncodedRow, ...]:
    """The rows that every trial of a sweep is measured on, the shortest first, which spares padding.

    Cut to `max_seq_length`, the longest that a trial of the sweep may have; of more than ROWS, so many
    are drawn by `seed`. Empty where the cut leaves no row a label.
    """
    fitting = list(cut_rows(rows, max_seq_length))
    random.Random(f"evaluation/{seed}").shuffle(fitting)
    return tuple(sorted(fitting[:ROWS], key=lambda row: len(row.input_ids)))


def eval_loss(engine: Engine, adapter: Mapping[str, LoraWeights], rows: Sequence[EncodedRow]) -> float:
    """eval_loss of `adapter` on `rows` (from `evaluated_rows`). Not finite where the adapter is broken."""
    return float(torch.cat(row_losses(engine, adapter, rows)).double().mean())


def is_evaluated(step: int, total_steps: int, eval_steps: int | None) -> bool:
    """Whether a trial of `total_steps` is measured after optimizer step `step`, which counts from 1.

    Every `eval_steps`, without it EVALUATIONS times at even distances, or as often as there are steps;
    at the end in any case.
    """
    if eval_steps is not None:
        return step % eval_steps == 0 or step >= total_steps
    return step * EVALUATIONS // total_steps > (step - 1) * EVALUATIONS // total_steps
