"""The lines of `sweep check` on memory: from a space, its base's config and its rows."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from typing import get_args

from sweeper.memory.base_config import BaseConfig
from sweeper.memory.device_limit import smallest_limit
from sweeper.memory.plan import PACKED_TOKENS
from sweeper.memory.plan_within import divisors
from sweeper.memory.predict import Prediction, interpolate, predict
from sweeper.memory.settings import BaseSettings, EngineStep, Layout, Optim, Step
from sweeper.memory.space_fit import PredictStep, SpaceNeeds, fit_lines
from sweeper.space.parameters import Constant
from sweeper.space.rules import LEFT_TO_MEMORY
from sweeper.space.space import Space
from sweeper.space.survey import extreme_values

_ON_CPU = (
    "That is of live tensors on the CPU, where trials will train here. "
    "`sweep check SPACE --gpu rtx-4090` tells it for that GPU."
)


def memory_lines(
    space: Space,
    config: BaseConfig,
    base: BaseSettings,
    row_lengths: Sequence[int],
    prompt_lengths: Sequence[int],
    layout: Layout = "packed",
) -> list[str]:
    """Which part of the space fits, and what would make the rest fit. One line where there is no limit.

    `row_lengths` and `prompt_lengths` are in tokens; the longest row with the shortest prompt decides.
    A packed `layout` is for rows that pack into PACKED_TOKENS, longer ones are padded in any case.
    `base` is how the engine will hold the model; of optimizers, dropout and gradient_checkpointing that
    vary the dearest counts. Not covered: target_modules, which is taken for all-linear.
    """
    limit = smallest_limit(space.limits)
    if limit is None:
        return ["Memory: no GPU here and no limits.gpu_memory in the space, so nothing is predicted."]
    longest = max(row_lengths)
    lengths = sorted({min(longest, value) for value in _whole(space, "max_seq_length")})
    fixed = _whole(space, "per_device_train_batch_size")
    needs = SpaceNeeds(
        ranks=_whole(space, "lora_rank"),
        lengths=lengths,
        effective_batch_size=max(_whole(space, "effective_batch_size")),
        step=replace(step_of(space, base, prompt_lengths), layout=layout),
        per_device_train_batch_size=max(fixed, default=None),
        may_checkpoint=_may_checkpoint(space),
    )
    lines = fit_lines(needs, limit, _predictor(config, needs))
    return [*lines, _ON_CPU] if base.device == "cpu" else lines


def step_of(space: Space, base: BaseSettings, prompt_lengths: Sequence[int]) -> EngineStep:
    """What is the same in all trials; of what varies beside the sizes, the dearest."""
    optims = extreme_values(space, "optim")
    return EngineStep(
        base=base,
        layout="packed",
        prompt_length=max(1, min(prompt_lengths)),
        optim=next(optim for optim in get_args(Optim) if optim in optims),
        gradient_checkpointing=not _may_checkpoint(space) and all(extreme_values(space, LEFT_TO_MEMORY)),
        lora_dropout=max((float(str(value)) for value in extreme_values(space, "lora_dropout")), default=0.0),
    )


def _may_checkpoint(space: Space) -> bool:
    return space.parameters[LEFT_TO_MEMORY] == Constant(None)


def _predictor(config: BaseConfig, needs: SpaceNeeds) -> PredictStep:
    """The sizes of the space at once where that interpolates; what else is asked for, when it is."""

    @cache
    def known(step: EngineStep) -> dict[Step, Prediction]:
        sizes = product(needs.ranks, needs.lengths, divisors(needs.effective_batch_size))
        steps = [
            _laid_out(replace(step, lora_rank=rank, seq_length=length, micro_batch_size=rows))
            for rank, length, rows in sizes
        ]
        return interpolate(config, steps)

    def predict_bytes(step: EngineStep) -> int:
        laid_out = _laid_out(step)
        of_space = replace(needs.step, gradient_checkpointing=step.gradient_checkpointing)
        is_of_space = needs.may_checkpoint or of_space == needs.step
        found = known(of_space).get(laid_out) if is_of_space else None
        return (found or predict(config, laid_out)).predicted_bytes

    return predict_bytes


def _laid_out(step: EngineStep) -> EngineStep:
    """Rows that pack into more than PACKED_TOKENS go side by side, without a mask."""
    if step.micro_batch_size * step.seq_length <= PACKED_TOKENS:
        return step
    return replace(step, layout="padded")


def _whole(space: Space, name: str) -> list[int]:
    return [int(str(value)) for value in extreme_values(space, name) if value is not None]
