"""The peak memory of a step, for one configuration or for many that differ in size alone.

Within a family of steps (one model, precision, optimizer, layout, checkpointing) each moment's live
bytes are a polynomial of the sizes: linear in the rank, linear in the tokens, and quadratic in them
where a mask or eager attention holds tokens by tokens. So a few sizes are replayed, each moment is
interpolated between them, and the largest is taken afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from sweeper.memory.base_config import BaseConfig
from sweeper.memory.cuda_overhead import CONTEXT_BYTES, fragmentation_bytes
from sweeper.memory.depth import Moments, moments_of
from sweeper.memory.fake_base import is_eager
from sweeper.memory.parts import PARTS
from sweeper.memory.settings import EngineStep, Step, TrainerStep

_DENSE = ("weights", "adapters", "optimizer")
_TOLERANCE = 0.01
_ROUNDING_TOKENS = 128
"""Attention kernels round lengths up to this; sizes below it are not interpolated."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """`predicted_bytes` is the sum of `parts`: live tensors at the peak, and on CUDA what comes on top."""

    predicted_bytes: int
    parts: dict[str, int]


def predict(config: BaseConfig, step: Step) -> Prediction:
    """Replays the step, with the model's depth extrapolated. Cached by configuration."""
    return _prediction(moments_of(config, _canonical(config, step)), step)


def predict_many(config: BaseConfig, steps: Sequence[Step]) -> list[Prediction]:
    """As `predict` for each, with the sizes in between interpolated where that was seen to hold."""
    found = interpolate(config, steps)
    return [found.get(step) or predict(config, step) for step in steps]


def interpolate(config: BaseConfig, steps: Sequence[Step]) -> dict[Step, Prediction]:
    """Predictions of those `steps` for which few replays are enough; the others need one each."""
    families: dict[Step, list[Step]] = {}
    for step in dict.fromkeys(_canonical(config, step) for step in steps):
        families.setdefault(_family(step), []).append(step)
    found: dict[Step, Moments] = {}
    for members in families.values():
        found.update(_family_moments(config, members))
    canonical = {step: _canonical(config, step) for step in steps}
    return {step: _prediction(found[like], step) for step, like in canonical.items() if like in found}


def _prediction(moments: Moments, step: Step) -> Prediction:
    highest = moments[int(moments.sum(axis=1).argmax())]
    parts: dict[str, int] = {name: int(size) for name, size in zip(PARTS, highest, strict=True)}
    if step.base.device == "cuda":
        transient = sum(size for name, size in parts.items() if name not in _DENSE)
        parts |= {"context": CONTEXT_BYTES, "fragmentation": fragmentation_bytes(transient)}
    return Prediction(sum(parts.values()), parts)


def _canonical(config: BaseConfig, step: Step) -> Step:
    """Rows packed whole, and rows side by side where attention needs no mask, cost what one long row
    of as many tokens does, but for a table of positions and the last label of each row."""
    if not isinstance(step, EngineStep) or step.prompt_length > 1 or step.shared_prefix:
        return step
    if step.layout == "padded" and (_window(config) is not None or is_eager(config, step.base)):
        return step
    return replace(step, micro_batch_size=1, seq_length=step.micro_batch_size * step.seq_length)


def _family(step: Step) -> Step:
    rank = None if isinstance(step, TrainerStep) and step.lora_rank is None else 1
    return replace(step, micro_batch_size=1, seq_length=2, lora_rank=rank)  # type: ignore[arg-type]


Sizes = tuple[int, int, int]
"""Micro-batch, sequence length, rank."""


def _sizes(step: Step) -> Sizes:
    return step.micro_batch_size, step.seq_length, step.lora_rank or 0


def _sized(step: Step, sizes: Sizes) -> Step:
    rank = sizes[2] or None
    return replace(step, micro_batch_size=sizes[0], seq_length=sizes[1], lora_rank=rank)  # type: ignore[arg-type]


def _family_moments(config: BaseConfig, members: Sequence[Step]) -> dict[Step, Moments]:
    """Interpolated if that takes fewer replays and its middle agrees with one; else none."""
    for lengths in (2, 3) if _is_linear(config, members[0]) else (3,):
        found = _between_nodes(config, members, lengths)
        if found is not None:
            return found
    return {}


def _between_nodes(config: BaseConfig, members: Sequence[Step], lengths: int) -> dict[Step, Moments] | None:
    """From so many lengths; None where that does not hold or saves nothing."""
    axes = [
        _nodes([_sizes(step)[axis] for step in members], lengths if axis == 1 else 2) for axis in range(3)
    ]
    nodes = [(a, b, c) for a in axes[0] for b in axes[1] for c in axes[2]]
    short = min(_sizes(step)[1] for step in members) < _ROUNDING_TOKENS
    if len(nodes) >= len(members) or short or _windowed(config, members):
        return None
    corners = {sizes: moments_of(config, _sized(members[0], sizes)) for sizes in nodes}
    if len({moments.shape for moments in corners.values()}) > 1:
        return None
    middle = sorted(members, key=_sizes)[len(members) // 2]
    between = _interpolated(axes, corners, _sizes(middle)).sum(axis=1).max()
    replayed = moments_of(config, middle).sum(axis=1).max()
    if abs(between / replayed - 1) > _TOLERANCE:
        return None
    return {step: _interpolated(axes, corners, _sizes(step)) for step in members}


def _is_linear(config: BaseConfig, step: Step) -> bool:
    """Whether nothing should hold tokens by tokens."""
    return isinstance(step, EngineStep) and step.layout == "padded" and not is_eager(config, step.base)


def _nodes(values: Sequence[int], count: int) -> list[int]:
    """The ends, and of three one in between: enough for what grows with the square."""
    low, high = min(values), max(values)
    if low == high:
        return [low]
    return [low, (low + high) // 2 // 8 * 8, high] if count == 3 and high - low >= 16 else [low, high]


def _interpolated(axes: list[list[int]], corners: dict[Sizes, Moments], at: Sizes) -> Moments:
    """Lagrange's polynomial along each axis."""
    total = np.zeros(next(iter(corners.values())).shape)
    for sizes, moments in corners.items():
        weight = 1.0
        for axis, node, point in zip(axes, sizes, at, strict=True):
            for other in axis:
                if other != node:
                    weight *= (point - other) / (node - other)
        total += weight * moments
    return np.rint(total).astype(np.int64)


@lru_cache
def _window(config: BaseConfig) -> int | None:
    loaded = config.load()
    if getattr(loaded, "use_sliding_window", True):
        window: int | None = getattr(loaded, "sliding_window", None)
        return window
    return None


def _windowed(config: BaseConfig, members: Sequence[Step]) -> bool:
    """Whether some lengths are within the model's sliding window and others are not."""
    window = _window(config)
    lengths = [step.seq_length for step in members]
    return window is not None and min(lengths) <= window < max(lengths)
