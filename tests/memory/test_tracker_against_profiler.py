"""The tracker on a real step against what PyTorch's CPU allocator itself reports to the profiler."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from sweeper.memory.engine_step import run_engine_step
from sweeper.memory.fake_base import build_base
from sweeper.memory.replay import new_tracker
from sweeper.memory.settings import BaseSettings, EngineStep
from tests.memory.small import SMALL

ON_CPU = BaseSettings(dtype="float32", device="cpu")


def allocations(events: Any) -> Iterator[int]:
    """The allocator's running total at each request and release."""
    for event in events:
        if event.tag.name == "Allocation":
            yield event.extra_fields.total_allocated
        yield from allocations(event.children)


def profiled_peak(step: EngineStep) -> int:
    """Peak bytes of a step by the allocator, from the model's first weight on."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        before = torch.empty(16)  # the total so far, less this
        run_engine_step(build_base(SMALL, step.base), step, new_tracker(SMALL, "cpu"), warm=False)
        del before
    totals = list(allocations(profiler.profiler.kineto_results.experimental_event_tree()))
    return max(totals) - (totals[0] - 64)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_peak_is_the_allocators_to_a_per_cent(checkpointing: bool) -> None:
    step = EngineStep(ON_CPU, "packed", 4, 256, 16, gradient_checkpointing=checkpointing)
    tracker = new_tracker(SMALL, "cpu")
    with tracker:
        run_engine_step(build_base(SMALL, step.base), step, tracker, warm=False)
    tracked = max(sum(moment) for moment in tracker.moments)
    assert tracked == pytest.approx(profiled_peak(step), rel=0.01)
