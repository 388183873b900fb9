"""The padded row layout: one row of text in one row of the batch, causal, and no mask tensor.

Padding stands at the end, where no real token sees it, so attention needs to know only that it is
causal: flash kernels take it, sliding windows and recurrent layers keep their meaning. It computes what
rows share as often as there are rows, and padding for nothing; the packed layout computes a mask of
the square of its length. So this one is for long rows, and for architectures that do not honour the
packed layout's mask. `Slot` sorts the rows of a window by length for it.
"""

from collections.abc import Sequence

import torch

from sweeper.data.encode import IGNORED, EncodedRow
from sweeper.training.batch import Batch

ROUND = 8
"""Row lengths are multiples of it: matmuls are faster on round lengths."""


def pad(groups: Sequence[Sequence[EncodedRow]]) -> Batch:
    """Puts row i of slot k's micro-batch (`groups[k]`, never empty) into row k * rows_per_slot + i.

    Slots of fewer rows than others are filled up with rows of nothing but padding.
    """
    rows_per_slot = max(len(group) for group in groups)
    longest = max(len(row.input_ids) for group in groups for row in group)
    length = -(-longest // ROUND) * ROUND
    shape = len(groups) * rows_per_slot, length
    batch = Batch(
        input_ids=torch.zeros(shape, dtype=torch.long),
        labels=torch.full(shape, IGNORED),
        real=torch.zeros(shape, dtype=torch.bool),
        rows_per_slot=rows_per_slot,
    )
    for slot, group in enumerate(groups):
        for at, row in enumerate(group, start=slot * rows_per_slot):
            size = len(row.input_ids)
            batch.input_ids[at, :size] = torch.tensor(row.input_ids)
            batch.labels[at, : size - 1] = torch.tensor(row.labels[1:])
            batch.real[at, :size] = True
    return batch
