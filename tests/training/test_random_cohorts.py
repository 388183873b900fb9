"""Random cohorts: each slot trains as it would alone, and as Trainer with PEFT would train it."""

import copy
import functools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.data.encode import EncodedRow
from sweeper.models.load import load_base
from sweeper.models.precision import Precision
from sweeper.models.reference import BaseReference
from sweeper.space.model_settings import BaseQuantization
from sweeper.space.trial_config import TrialConfig
from sweeper.training.engine import LAYOUTS, Engine, Layout
from sweeper.training.slot import Slot
from tests.tiny_base import save_tiny_base
from tests.training.tiny import random_rows
from tests.training.trainer_reference import Tensors, relative_norm, slot_tensors, train_with_trainer

ROUNDING = 2e-5
"""fp32 sums in another order, through at most eight AdamW steps."""


@dataclass(frozen=True)
class Member:
    config: TrialConfig
    micro_batch: int
    prefix: int
    longest: int
    rows: int
    seed: int

    def data(self) -> list[EncodedRow]:
        return random_rows(self.rows, self.seed, self.prefix, self.longest)


@dataclass(frozen=True)
class Ended:
    start: Tensors
    losses: list[float]
    end: Tensors


CONFIGS = st.builds(
    TrialConfig,
    learning_rate=st.sampled_from([1e-3, 1e-2]),
    lora_rank=st.integers(1, 8),
    lora_alpha=st.sampled_from([4.0, 16.0, 32.0]),
    target_modules=st.sampled_from([("all-linear",), ("q_proj", "v_proj"), ("down_proj",)]),
    effective_batch_size=st.sampled_from([4, 8]),
    weight_decay=st.sampled_from([0.0, 0.1]),
    lr_scheduler_type=st.sampled_from(["linear", "cosine"]),
)
MEMBERS = st.builds(
    Member,
    config=CONFIGS,
    micro_batch=st.sampled_from([1, 2, 4]),
    prefix=st.integers(0, 12),
    longest=st.integers(2, 20),
    rows=st.integers(5, 10),
    seed=st.integers(0, 9),
)


@functools.cache
def base(quantization: BaseQuantization) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        reference = BaseReference("tiny", str(save_tiny_base(Path(folder))), None)
        return load_base(reference, Precision(quantization=quantization)).model


def train(
    members: Sequence[Member], quantization: BaseQuantization, layout: Layout, checkpointing: bool
) -> list[Ended]:
    """All of them side by side."""
    engine = Engine(copy.deepcopy(base(quantization)), layout=layout)
    slots = [_slot(member, engine, checkpointing) for member in members]
    starts = [slot_tensors(slot) for slot in slots]
    losses: dict[Slot, list[float]] = {slot: [] for slot in slots}
    for result in engine.train(slots):
        losses[result.slot].append(result.loss)
    return [Ended(start, losses[slot], slot_tensors(slot)) for start, slot in zip(starts, slots, strict=True)]


def _slot(member: Member, engine: Engine, checkpointing: bool) -> Slot:
    config = replace(member.config, gradient_checkpointing=checkpointing)
    slot = Slot(config, member.data(), engine.layers, member.micro_batch, member.seed, layout=engine.layout)
    generator = torch.Generator().manual_seed(member.seed + 1)
    with torch.no_grad():  # a zero B would leave A without gradient
        for weights in slot.adapter.values():
            weights.lora_b.normal_(std=0.05, generator=generator)
    return slot


def difference(ours: Ended, losses: Sequence[float], end: Tensors) -> float:
    """The larger of the losses' and of the adapter's relative difference."""
    assert len(ours.losses) == len(losses)
    of_losses = max(abs(a - b) / abs(b) for a, b in zip(ours.losses, losses, strict=True))
    return max(of_losses, relative_norm(ours.end, end))


@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_each_slot_trains_as_alone_and_as_in_trainer(quantization: BaseQuantization) -> None:
    largest = {"solo": 0.0, "Trainer": 0.0}

    @settings(max_examples=3, deadline=None, derandomize=True, database=None)
    @given(st.lists(MEMBERS, min_size=2, max_size=3), st.sampled_from(LAYOUTS), st.booleans())
    def check(members: list[Member], layout: Layout, checkpointing: bool) -> None:
        for member, ended in zip(members, train(members, quantization, layout, checkpointing), strict=True):
            (solo,) = train([member], quantization, layout, False)
            theirs = train_with_trainer(
                base(quantization), member.config, member.data(), member.micro_batch, member.seed, ended.start
            )
            largest["solo"] = max(largest["solo"], difference(ended, solo.losses, solo.end))
            largest["Trainer"] = max(largest["Trainer"], difference(ended, theirs.losses, theirs.end))
            assert max(largest.values()) < ROUNDING

    check()
    print(f"{quantization}: largest relative difference of a slot in a cohort {largest}")
    assert min(largest.values()) > 0


PAIR = [
    Member(TrialConfig(learning_rate=1e-2, lora_rank=4, effective_batch_size=4), 2, 6, 8, 8, 0),
    Member(TrialConfig(learning_rate=1e-2, lora_rank=2, effective_batch_size=4), 4, 3, 12, 8, 1),
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_planted_leak_between_two_slots_is_caught(monkeypatch: pytest.MonkeyPatch, layout: Layout) -> None:
    sound = [train([member], "none", layout, False)[0] for member in PAIR]
    exact = Engine.loss_sums

    def leaking(self: Engine, batch: Any) -> torch.Tensor:
        sums = exact(self, batch)
        return sums + 0.01 * sums.roll(1)

    monkeypatch.setattr(Engine, "loss_sums", leaking)
    found = train(PAIR, "none", layout, False)
    largest = max(difference(one, two.losses, two.end) for one, two in zip(found, sound, strict=True))
    assert largest > 10 * ROUNDING
