"""The scale on a loss: exact where nothing overflows, and a step left out where something does."""

import math

import torch

from sweeper.space.trial_config import TrialConfig
from sweeper.training.engine import Engine
from sweeper.training.loss_scale import GROWTH_STEPS, INITIAL, LossScale
from sweeper.training.slot import Slot
from tests.training.tiny import random_rows, tiny_model
from tests.training.trainer_reference import slot_tensors

CONFIG = TrialConfig(learning_rate=1e-2, lora_rank=4, effective_batch_size=8)


def test_a_power_of_two_changes_no_bit() -> None:
    ends = []
    for scale in (None, LossScale()):
        engine = Engine(tiny_model())
        slot = Slot(CONFIG, random_rows(24), engine.layers, 4, seed=1, loss_scale=scale)
        losses = [result.loss for result in engine.train([slot])]
        ends.append((losses, slot_tensors(slot)))
    assert ends[0][0] == ends[1][0]
    assert all(torch.equal(ends[0][1][name], ends[1][1][name]) for name in ends[0][1])


def test_an_overflow_leaves_out_the_step_and_halves_the_scale() -> None:
    engine = Engine(tiny_model())
    scale = LossScale()
    scale.value = 2.0**130  # beyond fp32
    slot = Slot(CONFIG, random_rows(24), engine.layers, 8, seed=1, loss_scale=scale)
    before = slot_tensors(slot)
    (result,) = engine.advance([slot])
    assert result.divergence is None
    assert not math.isfinite(result.grad_norm)
    assert all(torch.equal(before[name], after) for name, after in slot_tensors(slot).items())
    assert scale.value == 2.0**129
    scale.value = INITIAL
    engine.advance([slot])
    assert not all(torch.equal(before[name], after) for name, after in slot_tensors(slot).items())


def test_the_scale_grows_after_steps_without_overflow_and_is_spent_below_one() -> None:
    scale = LossScale()
    assert all(scale.allows(1.0) for _ in range(GROWTH_STEPS))
    assert scale.value == 2 * INITIAL
    other = LossScale()
    other.load_state(scale.state())
    while not other.is_spent:
        assert not other.allows(math.inf)
    assert other.value == 0.5
