"""What a sweep will cost, against the simplest way to count it."""

import dataclasses
from pathlib import Path

import pytest

from sweeper.data.order import windows
from sweeper.search.cost import adapter_bytes, disk_needs, training_cost
from sweeper.space.parameters import Choice, Constant
from sweeper.space.pruner import HALVING, TRAIN_ALL
from sweeper.space.space import Space
from sweeper.space.trial_config import TrialConfig
from tests.search.spaces import CONSTANT, make_space

LENGTHS = [10, 30, 50, 70, 90]
PROMPTS = [5, 10, 20, 30, 60]
SHAPES = {"layers.0.q_proj": (8, 4), "layers.0.v_proj": (8, 2)}


def space_of(folder: Path, **parameters: object) -> Space:
    space = make_space(folder, trials=9, pruner=TRAIN_ALL)
    return dataclasses.replace(space, parameters={**CONSTANT, **parameters})  # type: ignore[dict-item]


def counted(config: TrialConfig) -> tuple[float, int]:
    """Row by row, as the engine would train; every row counts as long as the mean one."""
    kept = [min(length, config.max_seq_length) for length in LENGTHS]
    rows = sum(prompt < config.max_seq_length for prompt in PROMPTS)
    steps = list(windows(config, rows, seed=0))
    return sum(map(len, steps)) * sum(kept) / len(kept), len(steps)


@pytest.mark.parametrize("length", [40, 60, 100])
@pytest.mark.parametrize("batch", [1, 2, 8])
@pytest.mark.parametrize("epochs", [0.5, 1.0, 3.0])
def test_tokens_and_steps_of_one_kind_of_trial(
    tmp_path: Path, length: int, batch: int, epochs: float
) -> None:
    chosen = {"max_seq_length": length, "effective_batch_size": batch, "num_train_epochs": epochs}
    space = space_of(tmp_path, **{name: Constant(value) for name, value in chosen.items()})
    cost = training_cost(space, LENGTHS, PROMPTS)
    tokens, steps = counted(TrialConfig(**chosen))  # type: ignore[arg-type]
    assert cost.tokens == pytest.approx(9 * tokens)
    assert (cost.steps, cost.share) == (9 * steps, 1.0)


def test_halving_trains_its_share_and_a_choice_counts_evenly(tmp_path: Path) -> None:
    space = space_of(tmp_path, num_train_epochs=Choice((1.0, 3.0)))
    whole = training_cost(space, LENGTHS, PROMPTS)
    assert whole.tokens == pytest.approx(9 * 2 * sum(LENGTHS))
    halved = dataclasses.replace(space, search=dataclasses.replace(space.search, pruner=HALVING))
    cost = training_cost(halved, LENGTHS, PROMPTS)
    assert cost.share == pytest.approx(1 / 3)
    assert cost.tokens == pytest.approx(whole.tokens / 3)


def test_room_for_adapters_and_for_the_checkpoints_of_a_wave(tmp_path: Path) -> None:
    one = 4 * 2 * (12 + 10)  # rank 2, in fp32
    assert adapter_bytes(SHAPES, 2, ("all-linear",)) == one
    assert adapter_bytes(SHAPES, 2, ("q_proj",)) == 4 * 2 * 12
    space = space_of(tmp_path, lora_rank=Choice((2, 6)))
    low, high = disk_needs(space, SHAPES)  # nine trials, all complete, one at a time
    assert (low.adapters, low.checkpoints) == (9 * 2 * one, 2 * 3 * one)
    assert high.total == 3 * low.total
    halved = dataclasses.replace(space, search=dataclasses.replace(space.search, trials=13, pruner=HALVING))
    low, _ = disk_needs(halved, SHAPES)  # waves of nine and four, with two finalists each
    assert (low.adapters, low.checkpoints) == (4 * 2 * one, 10 * 3 * one)
