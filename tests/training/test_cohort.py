"""Slots that train together train as they would alone, and never reach each other."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from sweeper.space.trial_config import TrialConfig
from sweeper.training.engine import Engine
from sweeper.training.slot import Slot
from tests.training.tiny import random_rows, tiny_model
from tests.training.trainer_reference import relative_norm, slot_tensors

ROUNDING = 1e-5
CONFIGS = [
    (TrialConfig(learning_rate=1e-2, lora_rank=4, lora_alpha=16, effective_batch_size=8), 4),
    (TrialConfig(learning_rate=3e-3, lora_rank=2, lora_alpha=32, effective_batch_size=4), 4),
    (TrialConfig(learning_rate=5e-3, lora_rank=8, lora_alpha=8, target_modules=("v_proj", "up_proj")), 2),
]


def make_slots(engine: Engine) -> list[Slot]:
    rows = random_rows(40)
    return [Slot(config, rows, engine.layers, micro, seed=i) for i, (config, micro) in enumerate(CONFIGS)]


def alone_and_together() -> tuple[list[Slot], list[Slot]]:
    alone = make_slots(Engine(tiny_model()))
    for number in range(len(alone)):
        engine = Engine(tiny_model())
        alone[number] = make_slots(engine)[number]
        list(engine.train([alone[number]]))
    engine = Engine(tiny_model())
    together = make_slots(engine)
    list(engine.train(together))
    return alone, together


def largest(alone: list[Slot], together: list[Slot]) -> float:
    return max(relative_norm(slot_tensors(b), slot_tensors(a)) for a, b in zip(alone, together, strict=True))


def test_together_equals_alone() -> None:
    difference = largest(*alone_and_together())
    print(f"largest relative difference of an adapter, three slots against one: {difference:.1e}")
    assert difference < ROUNDING


def test_a_planted_leak_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Engine.loss_sums

    def leaking(self: Engine, batch: Any) -> torch.Tensor:
        sums = exact(self, batch)
        return sums + 0.01 * sums.roll(1)

    monkeypatch.setattr(Engine, "loss_sums", leaking)
    assert largest(*alone_and_together()) > 10 * ROUNDING


def test_a_slot_without_a_finite_loss_ends_and_harms_nobody() -> None:
    rows = random_rows(24)
    healthy = TrialConfig(learning_rate=1e-2, lora_rank=4)
    exploding = replace(healthy, learning_rate=1e30)

    def run(configs: list[TrialConfig]) -> tuple[list[Slot], list[Any]]:
        engine = Engine(tiny_model())
        slots = [Slot(config, rows, engine.layers, 4, seed=1) for config in configs]
        return slots, list(engine.train(slots))

    (expected,), _ = run([healthy])
    (_, survivor), results = run([exploding, healthy])
    assert [result.slot.config for result in results if result.divergence] == [exploding]
    assert relative_norm(slot_tensors(survivor), slot_tensors(expected)) < ROUNDING
