"""What a whole sweep will cost, worked out before it starts: tokens, steps and room on the disk. Pure."""

import bisect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.data.order import total_steps
from sweeper.search.halving import expected_share, quotas
from sweeper.search.rungs import examples_after
from sweeper.space.pruner import PrunerSettings
from sweeper.space.space import Space
from sweeper.space.survey import extreme_values, survey
from sweeper.space.trial_config import TrialConfig
from sweeper.training.targets import target_layers

_BYTES = 4  # fp32
_COPIES_IN_CHECKPOINT = 3
"""The adapter, and AdamW's two moments of it."""


@dataclass(frozen=True, slots=True)
class TrainingCost:
    """Over all trials, as far as the pruner lets them train. `tokens` counts each row as often as it is
    trained, cut to max_seq_length; `steps` are optimizer steps."""

    tokens: float
    steps: float
    share: float
    """What is trained of the trials' whole."""


@dataclass(frozen=True, slots=True)
class DiskNeed:
    """Bytes at the fullest moment. `adapters` are those of complete trials and MLflow's copies of them,
    `checkpoints` those of a wave's trials while it runs."""

    adapters: float
    checkpoints: float

    @property
    def total(self) -> float:
        return self.adapters + self.checkpoints


def training_cost(space: Space, row_lengths: Sequence[int], prompt_lengths: Sequence[int]) -> TrainingCost:
    """Expected over the space's trials, drawn evenly; lengths are in tokens, before the cut.

    Not covered: that trials of many epochs tend to lead at their own share and so go on more often
    (docs/design.md), twins, and trials that end early.
    """
    rows = _Rows(row_lengths, prompt_lengths)
    points = survey(space.parameters, space.constraints).allowed
    costs = [rows.cost(_config(point.values)) for point in points]
    share = expected_share(space.search.pruner, space.search.trials)
    times = share * space.search.trials / len(costs)
    tokens, steps = (sum(parts) * times for parts in zip(*costs, strict=True))
    return TrainingCost(tokens, steps, share)


def disk_needs(space: Space, shapes: Mapping[str, tuple[int, int]]) -> tuple[DiskNeed, DiskNeed]:
    """With the smallest adapters of the space, and with the largest. `shapes` (inputs, outputs) by layer.

    Not counted: logs, databases, cached answers, and what a promotion writes, which it checks itself.
    """
    search = space.search
    sizes = [
        adapter_bytes(shapes, int(str(rank)), modules)
        for rank in extreme_values(space, "lora_rank")
        for modules in extreme_values(space, "target_modules")
        if isinstance(modules, tuple)
    ]
    complete, wave = _complete(search.pruner, search.trials), min(search.trials, search.pruner.wave)
    open_files = wave + 1  # the one that is being written stands beside the one before it
    low, high = (
        DiskNeed(2 * complete * size, open_files * _COPIES_IN_CHECKPOINT * size)
        for size in (min(sizes), max(sizes))
    )
    return low, high


def adapter_bytes(shapes: Mapping[str, tuple[int, int]], rank: int, modules: Sequence[str]) -> int:
    """Of the file of an adapter, its header aside: A and B of each layer that `modules` name, in fp32."""
    layers = target_layers(modules, shapes)
    return sum(_BYTES * rank * sum(shapes[name]) for name in layers)


def _complete(pruner: PrunerSettings, trials: int) -> int:
    """How many trials train to their ends, at most."""
    if pruner.type != "halving":
        return trials
    whole, rest = divmod(trials, pruner.wave)
    return whole * quotas(pruner, pruner.wave)[-1] + (quotas(pruner, rest)[-1] if rest else 0)


def _config(values: Mapping[str, Any]) -> TrialConfig:
    return TrialConfig(**values)


class _Rows:
    """Row lengths, sorted, so that what a cut leaves is one look-up."""

    def __init__(self, row_lengths: Sequence[int], prompt_lengths: Sequence[int]) -> None:
        self._lengths = sorted(row_lengths)
        self._sums = [0, *itertools.accumulate(self._lengths)]
        self._prompts = sorted(prompt_lengths)

    def cost(self, config: TrialConfig) -> tuple[float, int]:
        """Tokens and steps of a whole trial, by the mean length of its rows."""
        limit = config.max_seq_length
        count = max(bisect.bisect_left(self._prompts, limit), 1)  # rows that keep something to learn
        whole = bisect.bisect_right(self._lengths, limit)
        mean = (self._sums[whole] + limit * (len(self._lengths) - whole)) / len(self._lengths)
        steps = total_steps(config, count)
        return mean * examples_after(config, count, steps), steps
