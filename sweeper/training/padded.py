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
    rows = [row for group in groups for row in [*group, *[None] * (rows_per_slot - len(group))]]
    longest = max(len(row.input_ids) for row in rows if row)
    length = -(-longest // ROUND) * ROUND

    def rectangle(columns: list[list[int]], fill: int) -> torch.Tensor:
        return torch.tensor([column + [fill] * (length - len(column)) for column in columns])

    sizes = torch.tensor([len(row.input_ids) if row else 0 for row in rows])
    return Batch(
        input_ids=rectangle([list(row.input_ids) if row else [] for row in rows], 0),
        labels=rectangle([row.labels[1:] if row else [] for row in rows], IGNORED),
        real=torch.arange(length) < sizes[:, None],
        rows_per_slot=rows_per_slot,
    )
