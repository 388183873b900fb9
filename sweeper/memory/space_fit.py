"""Which part of a space fits a memory limit, and what would make the rest fit, in words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from sweeper.memory.plan_within import Fits, Infeasible, Limit, plan_within
from sweeper.memory.settings import EngineStep

PredictStep = Callable[[EngineStep], int]
"""Predicted peak bytes of a step, as `predict(config, step).predicted_bytes` gives them."""

_GB = 10**9


@dataclass(frozen=True, slots=True)
class SpaceNeeds:
    """What of a space decides its memory. `lengths` are those that rows really have after the cut.

    `step` holds what is the same in all trials; its sizes are not looked at. Where `may_checkpoint`, what
    does not fit is looked at with gradient checkpointing.
    """

    ranks: Sequence[int]
    lengths: Sequence[int]
    effective_batch_size: int
    step: EngineStep
    per_device_train_batch_size: int | None = None
    may_checkpoint: bool = False


@dataclass(frozen=True, slots=True)
class _Way:
    """The plan of one length and rank; `checkpointed` where it was open and had to be."""

    plan: Fits | Infeasible
    checkpointed: bool = False


def fit_lines(needs: SpaceNeeds, limit: Limit, predict: PredictStep) -> list[str]:
    """A line on the limit, one for each length, and where something does not fit, what would help."""
    lines = [
        f"Memory: {limit.gpu_memory_bytes / _GB:.1f} GB a device, "
        f"{limit.usable_bytes / _GB:.1f} GB to use ({limit.headroom:.0%} headroom)."
    ]
    plans = {
        (length, rank): _way(_sized(needs.step, rank, length), needs, limit, predict)
        for length, rank in product(sorted(set(needs.lengths)), sorted(set(needs.ranks)))
    }
    fitting = sum(isinstance(way.plan, Fits) for way in plans.values())
    if fitting < len(plans):
        lines.append(
            f"{fitting} of {len(plans)} pairs of max_seq_length and lora_rank fit; the rest is pruned."
        )
    for length in sorted(set(needs.lengths)):
        lines.append(_length_line(length, {rank: plans[length, rank] for rank in sorted(set(needs.ranks))}))
    if fitting < len(plans):
        lines.append(_remedies(needs, limit, predict))
    return lines


def _sized(step: EngineStep, rank: int, length: int) -> EngineStep:
    return replace(step, lora_rank=rank, seq_length=length)


def _way(step: EngineStep, needs: SpaceNeeds, limit: Limit, predict: PredictStep) -> _Way:
    plan = _plan(step, needs, limit, predict)
    if isinstance(plan, Fits) or not needs.may_checkpoint:
        return _Way(plan)
    return _Way(_plan(replace(step, gradient_checkpointing=True), needs, limit, predict), checkpointed=True)


def _plan(step: EngineStep, needs: SpaceNeeds, limit: Limit, predict: PredictStep) -> Fits | Infeasible:
    return plan_within(
        limit,
        needs.effective_batch_size,
        lambda rows: predict(replace(step, micro_batch_size=rows)),
        per_device_train_batch_size=needs.per_device_train_batch_size,
    )


def _length_line(length: int, ways: dict[int, _Way]) -> str:
    """By the largest rank that fits, since rank matters little beside length and batch."""
    fitting = [(rank, way.plan, way) for rank, way in ways.items() if isinstance(way.plan, Fits)]
    if not fitting:
        smallest = min(way.plan.predicted_bytes for way in ways.values())
        return f"  {length} tokens: does not fit ({smallest / _GB:.1f} GB at the least)"
    rank, plan, way = fitting[-1]
    how = " with gradient checkpointing" if way.checkpointed else ""
    upto = "" if rank == max(ways) else f", and no rank above {rank}"
    return (
        f"  {length} tokens: micro-batch up to {plan.micro_batch_size} "
        f"({plan.predicted_bytes / _GB:.1f} GB at rank {rank}{how}){upto}"
    )


def _remedies(needs: SpaceNeeds, limit: Limit, predict: PredictStep) -> str:
    """What each change alone, then all together, makes of the largest length and rank."""
    worst = replace(
        needs.step,
        lora_rank=max(needs.ranks),
        seq_length=max(needs.lengths),
        micro_batch_size=needs.per_device_train_batch_size or 1,
        gradient_checkpointing=needs.step.gradient_checkpointing or needs.may_checkpoint,
    )
    changed = {name: change(worst) for name, change in _CHANGES.items() if change(worst) != worst}
    told = [
        f"{name} ({predict(step) / _GB:.1f} GB)"
        for name, step in changed.items()
        if predict(step) <= limit.usable_bytes
    ]
    start = f"To fit {worst.seq_length} tokens at rank {worst.lora_rank}"
    if told:
        return f"{start}: {', or '.join(told)}."
    everything = worst
    for name in changed:
        everything = _CHANGES[name](everything)
    together = predict(everything)
    if changed and together <= limit.usable_bytes:
        return f"{start}: {' with '.join(changed)} ({together / _GB:.1f} GB)."
    shorter = [
        length
        for length in sorted(set(needs.lengths))
        if length < worst.seq_length and predict(replace(everything, seq_length=length)) <= limit.usable_bytes
    ]
    advice = f"shorter rows (max_seq_length {shorter[-1]})" if shorter else "a smaller model or a larger GPU"
    return f"{start} nothing here is enough ({together / _GB:.1f} GB with all): take {advice}."


def _nf4(step: EngineStep) -> EngineStep:
    return replace(step, base=replace(step.base, quantization="nf4"))


def _sixteen_bit(step: EngineStep) -> EngineStep:
    wide = step.base.dtype == "float32"
    return replace(step, base=replace(step.base, dtype="bfloat16")) if wide else step


_CHANGES: dict[str, Callable[[EngineStep], EngineStep]] = {
    "gradient checkpointing": lambda step: replace(step, gradient_checkpointing=True),
    "a bfloat16 base": _sixteen_bit,
    "an nf4 base": _nf4,
    "an 8-bit optimizer": lambda step: replace(step, optim="adamw_8bit"),
}
"""By the words in which a user is told."""
