"""Random cohorts: each slot trains as it would alone, and as Trainer with PEFT would train it."""

import copy
import functools
import itertools
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sweeper.data.encode import EncodedRow
from sweeper.models.load import load_base
from sweeper.models.precision import Precision
from sweeper.models.reference import BaseReference
from sweeper.space.model_settings import BaseQuantization
from sweeper.space.trial_config import TrialConfig
from sweeper.training.dropout import DropoutDraw
from sweeper.training.engine import LAYOUTS, Engine, Layout
from sweeper.training.slot import Slot
from sweeper.training.slot_linear import SlotLinear
from tests.tiny_base import save_tiny_base
from tests.training.tiny import random_rows
from tests.training.trainer_reference import (
    STEADY_EPSILON,
    Tensors,
    relative_norm,
    slot_tensors,
    steadied,
    train_with_trainer,
)

ROUNDING = 2e-6
"""fp32 sums in another order, through at most eight AdamW steps of STEADY_EPSILON: seen at most 2.5e-7."""

ROUNDING_8_BIT = 1e-3
"""A rounding difference may move a number of an optimizer's state by one of its 256 steps."""

EXAMPLES: dict[BaseQuantization, int] = {"none": 18, "nf4": 8}


@dataclass(frozen=True)
class Member:
    config: TrialConfig
    micro_batch: int
    prefix: int
    longest: int
    rows: int
    seed: int
    layout: Layout

    def data(self) -> list[EncodedRow]:
        return random_rows(self.rows, self.seed, self.prefix, self.longest)

    @property
    def alone(self) -> "Member":
        """As it is compared: without checkpointing, which is to change nothing."""
        return replace(self, config=replace(self.config, gradient_checkpointing=False))

    @property
    def bound(self) -> float:
        return ROUNDING if self.config.optim == "adamw_torch" else ROUNDING_8_BIT


@dataclass(frozen=True)
class Ended:
    start: Tensors
    losses: list[float]
    end: Tensors


ANY_CONFIG = functools.partial(
    st.builds,
    TrialConfig,
    learning_rate=st.sampled_from([1e-3, 1e-2]),
    lora_alpha=st.sampled_from([4.0, 16.0, 32.0]),
    effective_batch_size=st.sampled_from([4, 8]),
    weight_decay=st.sampled_from([0.0, 0.1]),
    max_grad_norm=st.sampled_from([0.0, 0.5, 1.0]),
    warmup_steps=st.sampled_from([0, 2]),
    lr_scheduler_type=st.sampled_from(["linear", "cosine"]),
    lora_dropout=st.sampled_from([0.0, 0.0, 0.1, 0.3]),
    gradient_checkpointing=st.booleans(),
)
CONFIGS = ANY_CONFIG(
    lora_rank=st.integers(1, 8),
    use_rslora=st.booleans(),
    target_modules=st.sampled_from([("all-linear",), ("q_proj", "v_proj"), ("down_proj",)]),
)
EIGHT_BIT = ANY_CONFIG(  # rank 64 makes A of down_proj 4,096 numbers, from which on state is held in 8 bit
    lora_rank=st.just(64),
    target_modules=st.just(("down_proj",)),
    optim=st.sampled_from(["adamw_8bit", "paged_adamw_8bit"]),
)
MEMBERS = st.builds(
    Member,
    config=st.one_of(CONFIGS, CONFIGS, CONFIGS, EIGHT_BIT),
    micro_batch=st.sampled_from([1, 2, 4]),
    prefix=st.integers(0, 12),
    longest=st.integers(2, 20),
    rows=st.integers(5, 10),
    seed=st.integers(0, 9),
    layout=st.sampled_from(LAYOUTS),
)
COHORTS = st.lists(MEMBERS, min_size=2, max_size=3)


@functools.cache
def base(quantization: BaseQuantization) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        reference = BaseReference("tiny", str(save_tiny_base(Path(folder))), None)
        return load_base(reference, Precision(quantization=quantization)).model


def train(members: Sequence[Member], quantization: BaseQuantization) -> list[Ended]:
    """All of them side by side."""
    engine = Engine(copy.deepcopy(base(quantization)))
    slots = [_slot(member, engine) for member in members]
    starts = [slot_tensors(slot) for slot in slots]
    losses: dict[Slot, list[float]] = {slot: [] for slot in slots}
    for result in engine.train(slots):
        losses[result.slot].append(result.loss)
    return [Ended(start, losses[slot], slot_tensors(slot)) for start, slot in zip(starts, slots, strict=True)]


def _slot(member: Member, engine: Engine) -> Slot:
    rows, size = member.data(), member.micro_batch
    slot = steadied(Slot(member.config, rows, engine.layers, size, member.seed, layout=member.layout))
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


@dataclass
class Seen:
    """The largest differences so far, by what a slot was held against."""

    largest: dict[str, float] = field(default_factory=dict)

    def hold(self, against: str, member: Member, found: float) -> None:
        name = against if member.config.optim == "adamw_torch" else f"{against}, 8 bit"
        self.largest[name] = max(self.largest.get(name, 0.0), found)
        assert found < member.bound, (against, member)


def check_cohort(members: Sequence[Member], quantization: BaseQuantization, seen: Seen) -> None:
    """Holds each of `members` against itself alone and, without dropout, against Trainer + PEFT."""
    together = train(members, quantization)
    for member, ended in zip(members, together, strict=True):
        (solo,) = train([member.alone], quantization)
        seen.hold("solo", member, difference(ended, solo.losses, solo.end))
    for member, ended in zip(members, together, strict=True):
        if member.config.lora_dropout:
            continue  # Trainer's random numbers cannot be matched
        config, rows = member.alone.config, member.data()
        theirs = train_with_trainer(
            base(quantization), config, rows, member.micro_batch, member.seed, ended.start, STEADY_EPSILON
        )
        seen.hold("Trainer", member, difference(ended, theirs.losses, theirs.end))


def random_cohorts(quantization: BaseQuantization, examples: int, seen: Seen) -> Callable[[], None]:
    @settings(max_examples=examples, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    @given(COHORTS)
    def check(members: list[Member]) -> None:
        check_cohort(members, quantization, seen)

    return check


class DropCounts:
    """Counts what is dropped, by probability, each mask once however often it is computed again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.masks: dict[tuple[float, str, int, tuple[int, ...]], int] = {}
        exact = DropoutDraw.kept

        def kept(draw: DropoutDraw, layer: int, rows: torch.Tensor) -> torch.Tensor:
            factors = exact(draw, layer, rows)
            own = factors[draw.positions]
            self.masks[draw.probability, draw.key, layer, tuple(own.shape)] = int((own == 0).sum())
            return factors

        monkeypatch.setattr(DropoutDraw, "kept", kept)

    def deviation(self, probability: float) -> float:
        """Of the share that was dropped, in standard errors of a binomial share."""
        masks = {key: dropped for key, dropped in self.masks.items() if key[0] == probability}
        count = sum(math.prod(shape) for *_, shape in masks)
        error = math.sqrt(probability * (1 - probability) / count)
        return abs(sum(masks.values()) / count - probability) / error


@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_each_slot_trains_as_alone_and_as_in_trainer(
    quantization: BaseQuantization, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, drops = Seen(), DropCounts(monkeypatch)
    random_cohorts(quantization, EXAMPLES[quantization], seen)()
    print(f"{quantization}: largest relative differences of a slot in a cohort {seen.largest}")
    assert {"solo", "Trainer"} <= seen.largest.keys()
    assert min(seen.largest.values()) > 0
    for probability in {key[0] for key in drops.masks}:
        assert drops.deviation(probability) < 5  # one false alarm in two million


def leaking_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Engine.loss_sums

    def leaking(self: Engine, batch: Any) -> torch.Tensor:
        sums = exact(self, batch)
        return sums + 1e-4 * sums.roll(1) if len(sums) > 1 else sums

    monkeypatch.setattr(Engine, "loss_sums", leaking)


def neighbour_in_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousandth of the neighbouring slot's activations reaches a slot in one layer."""
    exact = SlotLinear.forward

    def forward(self: SlotLinear, inputs: torch.Tensor) -> torch.Tensor:
        output = exact(self, inputs)
        if self.number != 3 or len(self.active) < 2:
            return output
        return output + 1e-3 * output.roll(len(output) // len(self.active), dims=0)

    monkeypatch.setattr(SlotLinear, "forward", forward)


def gradients_of_a_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousandth of each slot's gradients is added to the next one's, where they are of one shape."""
    exact = Engine.micro_step

    def micro_step(self: Engine, slots: Sequence[Slot]) -> list[float]:
        shares = exact(self, slots)
        for one, other in itertools.pairwise(slots):
            for name in one.adapter.keys() & other.adapter.keys():
                rank = min(len(each.adapter[name].lora_a) for each in (one, other))
                mine, theirs = one.adapter[name].lora_a.grad, other.adapter[name].lora_a.grad
                assert mine is not None
                assert theirs is not None
                theirs[:rank] += 1e-3 * mine[:rank]
        return shares

    monkeypatch.setattr(Engine, "micro_step", micro_step)


@pytest.mark.parametrize("leak", [leaking_losses, neighbour_in_sight, gradients_of_a_neighbour])
def test_a_planted_leak_makes_the_random_cohorts_fail(leak: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    leak(monkeypatch)
    seen = Seen()
    with pytest.raises(AssertionError):
        random_cohorts("none", 10, seen)()
    print(f"{leak.__name__}: a slot in a cohort differs by {seen.largest}")
    assert "Trainer" not in seen.largest  # alone it is sound, so the first comparison tells


PAIR = [
    Member(TrialConfig(learning_rate=1e-2, lora_rank=4, effective_batch_size=4), 2, 6, 8, 8, 0, "packed"),
    Member(TrialConfig(learning_rate=1e-2, lora_rank=2, effective_batch_size=4), 4, 3, 12, 8, 1, "packed"),
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("leak", [leaking_losses, neighbour_in_sight, gradients_of_a_neighbour])
def test_a_planted_leak_is_far_above_rounding_in_each_layout(
    leak: Any, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = [replace(member, layout=layout) for member in PAIR]
    sound = [train([member], "none")[0] for member in pair]
    leak(monkeypatch)
    found = train(pair, "none")
    largest = max(difference(one, two.losses, two.end) for one, two in zip(found, sound, strict=True))
    assert largest > 10 * ROUNDING
