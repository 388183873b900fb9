"""How a trial is cut into micro-batches. Pure: configuration and row lengths in, a plan out."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.space.trial_config import TrialConfig

PACKED_TOKENS = 2048
"""Tokens in one packed row, at most, where rows allow it: its mask holds the square of that."""


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A trial with its micro-batch. `attempt` counts from 1.

    It pauses after optimizer step `stop_step` and reports there as `rung`; without one, or with one
    that its training does not go beyond, it trains to its end.
    """

    number: int
    attempt: int
    config: TrialConfig
    micro_batch_size: int
    stop_step: int | None = None
    rung: int | None = None
    predicted_bytes: int | None = None
    """The peak, where it was predicted."""

    @property
    def gradient_accumulation_steps(self) -> int:
        return self.config.effective_batch_size // self.micro_batch_size

    @property
    def is_checkpointed(self) -> bool:
        """Whether it trains with gradient checkpointing, which a plan has decided."""
        return bool(self.config.gradient_checkpointing)

    def until(self, rung: int, stop_step: int | None) -> "PlannedTrial":
        """The same trial, planned to train up to a rung; `stop_step` is None for the last one."""
        return dataclasses.replace(self, rung=rung, stop_step=stop_step)


@dataclass(frozen=True, slots=True)
class Cohort:
    """Trials that train side by side on one base. `predicted_bytes` is the peak of several together, where
    it was predicted."""

    trials: tuple[PlannedTrial, ...]
    predicted_bytes: int | None = None


def plan_trial(number: int, attempt: int, config: TrialConfig, row_lengths: Sequence[int]) -> PlannedTrial:
    """The largest micro-batch that divides the effective batch and packs into PACKED_TOKENS.

    `row_lengths` are in tokens, before the cut to max_seq_length; the longest one decides. Where the
    user gave per_device_train_batch_size, that is the micro-batch, whatever fits.
    """
    if config.per_device_train_batch_size is not None:
        return PlannedTrial(number, attempt, config, config.per_device_train_batch_size)
    longest = min(max(row_lengths), config.max_seq_length)
    batch = config.effective_batch_size
    fitting = [size for size in range(1, batch + 1) if batch % size == 0 and size * longest <= PACKED_TOKENS]
    return PlannedTrial(number, attempt, config, max(fitting, default=1))
