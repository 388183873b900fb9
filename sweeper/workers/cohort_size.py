"""How many trials a worker trains side by side, where the space leaves that to it: by measured throughput."""

import heapq
import time
from collections.abc import Callable, Sequence

import torch

from sweeper.data.encode import EncodedRow
from sweeper.memory.plan import plan_trial
from sweeper.models.precision import Precision
from sweeper.space.trial_config import TrialConfig
from sweeper.training.engine import Engine
from sweeper.training.slot import Slot

SECONDS = 60.0
"""What measuring may take."""

LARGEST = 8
GAIN = 1.1
"""How much more tokens a second twice as many trials must bring."""

TokensPerSecond = Callable[[int], float]
"""Of all trials together, by how many they are."""


def may_pay(precision: Precision) -> bool:
    """Whether several trials can be faster side by side than one after the other.

    Where each pass reads or dequantises weights that all share (GPU, nf4). An unquantised base on a CPU
    is bound by arithmetic: 2, 4 and 8 trials took 1.0 to 1.5 times as long for a token there.
    """
    return precision.device_kind == "cuda" or precision.quantization == "nf4"


def grown_cohort(rate: TokensPerSecond, clock: Callable[[], float] = time.monotonic) -> int:
    """Doubles the cohort for as long as it pays, within SECONDS and up to LARGEST."""
    end = clock() + SECONDS
    size, best = 1, rate(1)
    while size < LARGEST and clock() < end:
        more = rate(2 * size)
        if more < GAIN * best:
            break
        size, best = 2 * size, more
    return size


def measured_rate(engine: Engine, rows: Sequence[EncodedRow]) -> TokensPerSecond:
    """Measures micro-steps of trials that are thrown away afterwards, on the longest rows.

    A cohort that does not fit a GPU has a rate of 0. Not covered: a limit below what the GPU has.
    """
    batch = TrialConfig().effective_batch_size
    longest = heapq.nlargest(batch, rows, key=lambda row: len(row.input_ids))
    micro_batch = plan_trial(0, 1, TrialConfig(), [len(longest[0].input_ids)]).micro_batch_size

    def one_step(cohort: int) -> int:
        slots = [Slot(TrialConfig(), longest, engine.layers, micro_batch, seed=0) for _ in range(cohort)]
        engine.micro_step(slots)
        if engine.device.type == "cuda":
            torch.cuda.synchronize(engine.device)
        return sum(slot.tokens for slot in slots)

    def rate(cohort: int) -> float:
        try:
            one_step(cohort)  # the first one makes what the next ones find
            began = time.perf_counter()
            tokens = one_step(cohort)
        except torch.cuda.OutOfMemoryError:
            return 0.0
        return tokens / (time.perf_counter() - began)

    return rate
