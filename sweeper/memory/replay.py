"""Replays one step on tensors without data, and says what it holds at each moment."""

import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from sweeper.memory.allocator import CachingAllocator, fresh_block_bytes
from sweeper.memory.base_config import BaseConfig
from sweeper.memory.cuda_kernels import WORKSPACES, cuda_kernels
from sweeper.memory.fake_base import build_base
from sweeper.memory.fake_step import AnsweredFromShape, fake_tensors
from sweeper.memory.parts import PARTS, Part, Peak
from sweeper.memory.settings import Device, EngineStep, Step
from sweeper.memory.tracker import LiveTracker, Segment

CPU_ALIGNMENT_BYTES = 64
"""What torch aligns CPU tensors to (c10/core/alignment.h)."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Live bytes by part (in the order of PARTS) at each moment, and the segment each moment lies in.

    `peak_reserved_bytes` and `peak_allocated_bytes` are the caching allocator's; `resident_parts` what
    lives on after the step.
    """

    moments: tuple[tuple[int, ...], ...]
    segments: tuple[Segment, ...]
    peak_allocated_bytes: int
    peak_reserved_bytes: int
    resident_parts: Mapping[Part, int]

    @property
    def peak(self) -> Peak:
        return peak_of(self.moments)


def peak_of(moments: tuple[tuple[int, ...], ...]) -> Peak:
    """The moment that holds most."""
    highest = max(moments, key=sum)
    return Peak(sum(highest), dict(zip(PARTS, highest, strict=True)))


def replay(config: BaseConfig, step: Step, warm: bool = False) -> Replay:
    """Builds the model without data and runs `step` on it twice; where `warm`, its second time alone."""
    from sweeper.memory.engine_step import run_engine_step
    from sweeper.memory.trainer_step import run_trainer_step

    tracker = new_tracker(config, step.base.device)
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(fake_tensors())
        if step.base.device == "cuda":
            stack.enter_context(cuda_kernels())
        stack.enter_context(tracker)
        stack.enter_context(AnsweredFromShape(step.labelled_count if isinstance(step, EngineStep) else 1))
        model = build_base(config, step.base)
        assert tracker.allocator is not None
        tracker.allocator.empty_cache()
        if isinstance(step, EngineStep):
            held = run_engine_step(model, step, tracker, warm)
        else:
            held = run_trainer_step(model, step, tracker, warm)
        resident = dict(tracker.live)
        del held
    return Replay(
        tuple(tracker.moments),
        tuple(tracker.segments),
        tracker.allocator.peak_allocated_bytes,
        tracker.allocator.peak_reserved_bytes,
        resident,
    )


def new_tracker(config: BaseConfig, device: Device) -> LiveTracker:
    """A tracker with the rounding and the hidden workspaces of a device."""
    vocabulary = config.load().get_text_config().vocab_size
    if device == "cpu":
        return LiveTracker(round_on_cpu, CachingAllocator(), vocabulary)
    return LiveTracker(fresh_block_bytes, CachingAllocator(), vocabulary, WORKSPACES)


def round_on_cpu(size_bytes: int) -> int:
    """What torch's CPU allocator makes of a request."""
    return -(-size_bytes // CPU_ALIGNMENT_BYTES) * CPU_ALIGNMENT_BYTES
