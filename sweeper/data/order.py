"""Which rows a trial sees in which optimizer step, known in full before it starts."""

import math
import random
from collections.abc import Iterator

from sweeper.space.trial_config import TrialConfig


def total_steps(config: TrialConfig, row_count: int) -> int:
    """Optimizer steps of a whole trial. An epoch's last step may be short of rows, as in Trainer."""
    if config.max_steps is not None:
        return config.max_steps
    assert config.num_train_epochs is not None
    return math.ceil(config.num_train_epochs * math.ceil(row_count / config.effective_batch_size))


def windows(config: TrialConfig, row_count: int, seed: int) -> Iterator[list[int]]:
    """Row indices of each optimizer step: every epoch shuffled anew by (seed, epoch), none left out."""
    remaining, epoch = total_steps(config, row_count), 0
    while remaining:
        order = list(range(row_count))
        random.Random(f"{seed}/{epoch}").shuffle(order)
        for start in range(0, row_count, config.effective_batch_size):
            yield order[start : start + config.effective_batch_size]
            remaining -= 1
            if not remaining:
                return
        epoch += 1


def total_examples(config: TrialConfig, row_count: int) -> int:
    """Rows that a whole trial trains on, counted once for each time."""
    return sum(len(window) for window in windows(config, row_count, seed=0))
