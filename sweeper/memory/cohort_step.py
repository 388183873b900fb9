"""One step that stands for a cohort's, whoever of some trials are in it. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from sweeper.memory.settings import EngineStep


def cohort_steps(steps: Sequence[EngineStep], count: int) -> list[EngineStep]:
    """A step of each kind that may train side by side (layout, checkpointing), of `count` trials at most.

    None of `steps` is above it in any size: the engine pads a cohort's rows to the longest and its
    adapters to the largest rank, so the sizes of different trials come together.
    """
    kinds: dict[tuple[str, bool], list[EngineStep]] = {}
    for step in steps:
        kinds.setdefault((step.layout, step.gradient_checkpointing), []).append(step)
    return [replace(_largest_of(members), cohort=min(count, len(members))) for members in kinds.values()]


def _largest_of(steps: Sequence[EngineStep]) -> EngineStep:
    first = steps[0]
    targets = {step.target_modules for step in steps}
    length = max(step.seq_length for step in steps)
    labels = max(step.seq_length - step.prompt_length for step in steps)
    return replace(
        first,
        micro_batch_size=max(step.micro_batch_size for step in steps),
        seq_length=length,
        prompt_length=max(1, length - labels),
        lora_rank=max(step.lora_rank for step in steps),
        target_modules=first.target_modules if len(targets) == 1 else ("all-linear",),
        lora_dropout=max(step.lora_dropout for step in steps),
        optim="adamw_torch" if any(step.optim == "adamw_torch" for step in steps) else first.optim,
    )
