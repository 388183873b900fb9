"""Training that was interrupted and resumed in fresh objects is the uninterrupted training, bit by bit."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.space.trial_config import TrialConfig
from sweeper.training.checkpoint import checkpoint_identity, read_checkpoint, write_checkpoint
from sweeper.training.engine import Engine, StepResult
from sweeper.training.slot import Slot
from tests.training.tiny import random_rows, tiny_model
from tests.training.trainer_reference import Tensors, slot_tensors

ROWS = random_rows(21)
SEED = 5

CONFIGS = st.builds(
    TrialConfig,
    learning_rate=st.sampled_from([1e-3, 1e-2]),
    lora_rank=st.sampled_from([2, 4]),
    target_modules=st.sampled_from([("all-linear",), ("q_proj", "up_proj")]),
    effective_batch_size=st.sampled_from([4, 8]),
    num_train_epochs=st.sampled_from([1.0, 1.5, 3.0]),
    warmup_steps=st.sampled_from([0.0, 0.25, 2.0]),
    weight_decay=st.sampled_from([0.0, 0.1]),
    max_grad_norm=st.sampled_from([0.0, 0.5]),
    lr_scheduler_type=st.sampled_from(["linear", "cosine", "constant"]),
    lora_dropout=st.sampled_from([0.0, 0.2]),
    use_rslora=st.booleans(),
)

Record = list[tuple[int, float, float, float, int, int]]
"""Of each step: number, loss, learning rate, gradient norm, examples and tokens so far."""


def train(
    config: TrialConfig, micro_batch: int, stops: Sequence[int], path: Path
) -> tuple[Record, Tensors, Slot]:
    """Trains to each of `stops` and then to the end, every stretch in a new engine from a new file."""
    record: Record = []
    for stop in [*stops, None]:
        engine = Engine(tiny_model())
        slot = Slot(config, ROWS, engine.layers, micro_batch, SEED, stop)
        identity = checkpoint_identity(config, ROWS, SEED, "tiny")
        state = read_checkpoint(path, identity)
        if state is not None:
            slot.load_state(state)
        for result in engine.train([slot]):
            record.append(_entry(result))
        write_checkpoint(path, identity, slot.state())
    path.unlink()
    return record, slot_tensors(slot), slot


def _entry(result: StepResult) -> tuple[int, float, float, float, int, int]:
    slot = result.slot
    return result.step, result.loss, result.learning_rate, result.grad_norm, slot.examples, slot.tokens


def differs(config: TrialConfig, micro_batch: int, stops: Sequence[int], folder: Path) -> bool:
    whole, adapter, slot = train(config, micro_batch, [], folder / "whole")
    parts, resumed, again = train(config, micro_batch, stops, folder / "parts")
    assert len(whole) == slot.total_steps
    same = whole == parts and all(torch.equal(adapter[name], resumed[name]) for name in adapter)
    return not (same and slot.losses.state() == again.losses.state())


@settings(max_examples=15, deadline=None)
@given(config=CONFIGS, micro_batch=st.sampled_from([1, 2, 4]), draw=st.randoms(use_true_random=False))
def test_interrupted_at_any_steps_it_trains_the_same(
    tmp_path_factory: pytest.TempPathFactory, config: TrialConfig, micro_batch: int, draw: random.Random
) -> None:
    steps = Slot(config, ROWS, Engine(tiny_model()).layers, micro_batch, SEED).total_steps
    stops = sorted(draw.sample(range(steps), min(2, steps)))  # 0 is a pause before the first step
    assert not differs(config, micro_batch, stops, tmp_path_factory.mktemp("resume"))


def optimizer_lost(state: dict[str, Any]) -> None:
    state["optimizer"]["state"] = {}


def schedule_off_by_one(state: dict[str, Any]) -> None:
    state["scheduler"]["last_epoch"] += 1


def data_off_by_one(state: dict[str, Any]) -> None:
    state["counters"]["step"] += 1


def adapter_rounded(state: dict[str, Any]) -> None:
    state["parameters"] = [saved.bfloat16().float() for saved in state["parameters"]]


FAULTS = [optimizer_lost, schedule_off_by_one, data_off_by_one, adapter_rounded]


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_caught(fault: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = TrialConfig(learning_rate=1e-2, lora_rank=4, warmup_steps=2, lr_scheduler_type="cosine")
    exact = Slot.load_state

    def faulty(self: Slot, state: dict[str, Any]) -> None:
        fault(state)
        exact(self, state)

    assert not differs(config, 4, [1], tmp_path)
    monkeypatch.setattr(Slot, "load_state", faulty)
    whole, adapter, _ = train(config, 4, [], tmp_path / "whole")
    parts, resumed, _ = train(config, 4, [1], tmp_path / "parts")
    assert whole[0] == parts[0]
    assert whole != parts
    assert not all(torch.equal(adapter[name], resumed[name]) for name in adapter)


def test_dropout_drawn_for_another_step_is_caught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = TrialConfig(learning_rate=1e-2, lora_rank=4, lora_dropout=0.2)
    assert not differs(config, 4, [1], tmp_path)
    key = property(lambda self: f"{self.examples if self.step else 0}/{id(self)}")
    monkeypatch.setattr(Slot, "dropout_key", key)
    assert differs(config, 4, [1], tmp_path)


def test_within_a_window_nothing_is_saved() -> None:
    engine = Engine(tiny_model())
    slot = Slot(TrialConfig(effective_batch_size=8), ROWS, engine.layers, 4, SEED)
    assert engine.advance([slot]) == []
    with pytest.raises(ValueError, match="between optimizer steps"):
        slot.state()


def test_a_saved_state_does_not_change_while_training_goes_on() -> None:
    engine = Engine(tiny_model())
    slot = Slot(TrialConfig(learning_rate=1e-2, effective_batch_size=4), ROWS, engine.layers, 4, SEED)
    results = engine.train([slot])
    next(results)
    state = slot.state()
    before = [tensor.clone() for tensor in _tensors(state)]
    assert len(before) > 3 * len(slot.parameters)
    list(results)
    assert all(torch.equal(old, kept) for old, kept in zip(before, _tensors(state), strict=True))


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [tensor for item in items for tensor in _tensors(item)]
