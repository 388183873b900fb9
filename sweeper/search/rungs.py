"""At which optimizer step of a trial a rung stands. Pure."""

from fractions import Fraction

from sweeper.data.order import total_steps
from sweeper.space.trial_config import TrialConfig

RUNG_CASES = 40
"""Dev cases whose target_loss tells trials apart at a rung, where it is no part of the objective. What so few
can tell was measured: see docs/performance.md."""


def rung_step(config: TrialConfig, row_count: int, share: Fraction) -> int:
    """The first step by which at least `share` of the trial's own examples have been trained.

    So a rung is never short of its share, the last one (1) is the trial's end, and one of a trial
    with few steps may stand at the same step as the next. `row_count` is of rows that
    max_seq_length leaves something to train on.
    """
    last = total_steps(config, row_count)
    wanted = share * examples_after(config, row_count, last)
    low, high = 1, last  # examples rise with every step
    while low < high:
        middle = (low + high) // 2
        if examples_after(config, row_count, middle) >= wanted:
            high = middle
        else:
            low = middle + 1
    return low


def examples_after(config: TrialConfig, row_count: int, step: int) -> int:
    """Rows trained on in the first `step` steps, as data.order cuts them: an epoch's last may be short."""
    steps_per_epoch = -(-row_count // config.effective_batch_size)
    epochs, rest = divmod(step, steps_per_epoch)
    return epochs * row_count + min(rest * config.effective_batch_size, row_count)
