"""eval_loss is the plain loss over all labels, on the same rows for all; measuring leaves no trace."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sweeper.data.encode import EncodedRow
from sweeper.space.trial_config import TrialConfig
from sweeper.training.engine import Engine, Layout
from sweeper.training.eval_loss import EVALUATIONS, ROWS, eval_loss, evaluated_rows, is_evaluated
from sweeper.training.slot import Slot
from tests.training.tiny import random_chats, random_rows, tiny_model
from tests.training.trainer_reference import slot_tensors

ROUNDING = 1e-6
TRAINED = random_rows(16)
HELD_OUT = [*random_rows(20, seed=3), *random_chats(10, seed=4), *random_rows(5, seed=5, longest=40)]


def plain_eval_loss(model: Any, rows: Sequence[EncodedRow]) -> float:
    """By transformers, one row at a time: its loss is the mean over a row's labels."""
    total, labels = 0.0, 0
    with torch.no_grad():
        for row in rows:
            of_row = torch.tensor([row.labels])
            loss = model(input_ids=torch.tensor([row.input_ids]), labels=of_row).loss
            count = int((of_row[:, 1:] != -100).sum())
            total, labels = total + float(loss) * count, labels + count
    return total / labels


@pytest.mark.parametrize(("share_prefix", "layout"), [(True, "packed"), (False, "packed"), (True, "padded")])
def test_it_equals_transformers_row_by_row(share_prefix: bool, layout: Layout) -> None:
    expected = plain_eval_loss(tiny_model(), HELD_OUT)
    found = eval_loss(Engine(tiny_model(), share_prefix, layout), {}, HELD_OUT)
    assert found == pytest.approx(expected, rel=ROUNDING)
    means = [plain_eval_loss(tiny_model(), [row]) for row in HELD_OUT]
    assert found != pytest.approx(sum(means) / len(means), rel=1e-4)  # a mean over rows is another number


def test_with_a_trained_adapter_it_equals_transformers_too() -> None:
    engine = Engine(tiny_model())
    slot = Slot(TrialConfig(learning_rate=1e-2, lora_rank=4, lora_dropout=0.3), TRAINED, engine.layers, 4, 0)
    list(engine.train([slot]))
    merged = tiny_model()
    for name, weights in slot.adapter.items():
        change = weights.scaling * (weights.lora_b @ weights.lora_a)
        merged.get_submodule(name).weight.data += change.detach()
    expected = plain_eval_loss(merged, HELD_OUT)
    assert eval_loss(engine, slot.adapter, HELD_OUT) == pytest.approx(expected, rel=1e-5)
    assert expected != pytest.approx(plain_eval_loss(tiny_model(), HELD_OUT), rel=1e-3)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_trial_that_is_measured_trains_as_one_that_is_not(dropout: float) -> None:
    config = TrialConfig(learning_rate=1e-2, lora_rank=4, lora_dropout=dropout, effective_batch_size=4)

    def trained(measured: bool) -> tuple[list[float], dict[str, torch.Tensor]]:
        engine = Engine(tiny_model())
        slot = Slot(config, TRAINED, engine.layers, 2, 0)
        losses = []
        for result in engine.train([slot]):
            losses.append(result.loss)
            if measured:
                state = torch.random.get_rng_state()
                eval_loss(engine, slot.adapter, HELD_OUT)
                assert torch.equal(torch.random.get_rng_state(), state)
                assert torch.is_grad_enabled()
        return losses, slot_tensors(slot)

    (plain, expected), (measured, found) = trained(False), trained(True)
    assert measured == plain
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_rows_are_cut_drawn_by_the_seed_and_no_more_than_may_be() -> None:
    rows = random_rows(ROWS + 50, longest=20)
    chosen = evaluated_rows(rows, 1000, seed=1)
    assert len(chosen) == ROWS
    assert set(chosen) <= set(rows)
    assert evaluated_rows(rows, 1000, seed=1) == chosen
    assert evaluated_rows(rows, 1000, seed=2) != chosen
    lengths = [len(row.input_ids) for row in chosen]
    assert lengths == sorted(lengths)
    cut = evaluated_rows(rows[:50], 20, seed=1)
    assert max(len(row.input_ids) for row in cut) <= 20
    assert len(cut) == sum(row.prompt_length < 20 for row in rows[:50])


def steps(total: int, eval_steps: int | None = None) -> list[int]:
    return [step for step in range(1, total + 1) if is_evaluated(step, total, eval_steps)]


@given(st.integers(1, 500))
def test_a_trial_is_measured_ten_times_at_even_distances_and_at_its_end(total: int) -> None:
    found = steps(total)
    assert len(found) == min(total, EVALUATIONS)
    assert found[-1] == total
    gaps = [after - before for before, after in zip([0, *found], found, strict=False)]
    assert max(gaps) - min(gaps) <= 1


def test_eval_steps_says_when_and_the_end_is_always_measured() -> None:
    assert steps(10, 4) == [4, 8, 10]
    assert steps(8, 4) == [4, 8]
    assert steps(3, 50) == [3]
    assert steps(4) == [1, 2, 3, 4]
    assert steps(25) == [3, 5, 8, 10, 13, 15, 18, 20, 23, 25]
