"""What target_loss is held against: the unwrapped model, one case at a time, nothing shared or packed."""

from collections.abc import Sequence
from typing import Any

import torch

from sweeper.data.encode import EncodedRow


def plain_target_loss(model: Any, cases: Sequence[EncodedRow]) -> float:
    """The mean over cases of transformers' own loss, which is the mean over a row's labels."""
    losses = []
    with torch.no_grad():
        for case in cases:
            ids = torch.tensor([case.input_ids])
            losses.append(float(model(input_ids=ids, labels=torch.tensor([case.labels])).loss))
    return sum(losses) / len(losses)
