"""8-bit optimizers: they are bitsandbytes', resume to the bit, and train as Trainer's do."""

import io
from dataclasses import replace

import pytest
import torch

from sweeper.space.trial_config import TrialConfig
from sweeper.training.engine import Engine
from sweeper.training.slot import Slot
from tests.training.tiny import random_rows, tiny_model
from tests.training.trainer_reference import (
    largest_difference,
    slot_tensors,
    train_with_engine,
    train_with_trainer,
)

CONFIG = TrialConfig(learning_rate=1e-2, lora_rank=128, lora_alpha=64, effective_batch_size=4, max_steps=6)
"""128 x 32 numbers are the 4,096 from which on state is held in 8 bit."""


def config(optim: str) -> TrialConfig:
    return replace(CONFIG, optim=optim, num_train_epochs=None)


def trained(engine: Engine, slot: Slot) -> dict[str, torch.Tensor]:
    list(engine.train([slot]))
    return slot_tensors(slot)


@pytest.mark.parametrize("optim", ["adamw_8bit", "paged_adamw_8bit"])
def test_state_is_held_in_8_bit_and_resumes_to_the_bit(optim: str) -> None:
    engine, rows = Engine(tiny_model()), random_rows(12)
    whole = trained(engine, Slot(config(optim), rows, engine.layers, 4, seed=1))
    first = Slot(config(optim), rows, engine.layers, 4, seed=1, stop_step=3)
    trained(engine, first)
    dtypes = [state["state1"].dtype for state in first.optimizer.state.values()]
    assert dtypes.count(torch.uint8) > len(dtypes) / 2  # the others are smaller than 4,096 numbers
    written = io.BytesIO()
    torch.save(first.state(), written)
    written.seek(0)
    second = Slot(config(optim), rows, engine.layers, 4, seed=1)
    second.load_state(torch.load(written, weights_only=True))
    assert second.step == 3
    resumed = trained(engine, second)
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_a_state_that_is_lost_is_seen() -> None:
    engine, rows = Engine(tiny_model()), random_rows(12)
    whole = trained(engine, Slot(config("adamw_8bit"), rows, engine.layers, 4, seed=1))
    first = Slot(config("adamw_8bit"), rows, engine.layers, 4, seed=1, stop_step=3)
    trained(engine, first)
    state = first.state()
    zeroed = 0
    for each in state["optimizer"]["state"].values():
        for held in each.values():  # bitsandbytes keeps its own under one key
            for value in held.values() if isinstance(held, dict) else [held]:
                if isinstance(value, torch.Tensor) and value.dtype == torch.uint8:
                    value.zero_()
                    zeroed += 1
    assert zeroed
    second = Slot(config("adamw_8bit"), rows, engine.layers, 4, seed=1)
    second.load_state(state)
    resumed = trained(engine, second)
    assert not all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_it_trains_as_in_trainer() -> None:
    engine, rows = Engine(tiny_model()), random_rows(24)
    _, ours = train_with_engine(engine, config("adamw_8bit"), rows, 4, seed=3)
    theirs = train_with_trainer(tiny_model(), config("adamw_8bit"), rows, 4, 3, ours.start)
    differences = largest_difference(ours, theirs)
    print(f"adamw_8bit: largest difference {differences}")
    # A rounding difference may move a number of the state by one of its 256 steps.
    assert max(differences.values()) < 1e-2
    other = train_with_trainer(tiny_model(), config("adamw_torch"), rows, 4, 3, ours.start)
    assert largest_difference(ours, other)["change"] > largest_difference(ours, theirs)["change"]
