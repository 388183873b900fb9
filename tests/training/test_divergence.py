"""A trial that is lost ends; one that merely scatters goes on."""

import math
from collections.abc import Iterable
from typing import Any

import pytest
import torch

from sweeper.data.encode import EncodedRow
from sweeper.space.trial_config import TrialConfig
from sweeper.training.divergence import LossWatch, loss_ceiling
from sweeper.training.engine import Engine
from sweeper.training.slot import Slot
from tests.training.tiny import random_rows, tiny_model

CEILING = loss_ceiling(49152)


def first_divergence(losses: Iterable[float]) -> int | None:
    """The step, from 1, at which it is seen."""
    watch = LossWatch()
    return next((step for step, loss in enumerate(losses, 1) if watch.diverges(loss, CEILING)), None)


def test_the_ceiling_is_a_nat_above_knowing_nothing() -> None:
    assert loss_ceiling(1) == 1.0
    assert loss_ceiling(49152) == pytest.approx(11.8, abs=0.01)


@pytest.mark.parametrize(
    ("losses", "step"),
    [
        ([4.0, 40.0, 60.0, 60.0, 60.0], 5),  # wrecked by its first updates
        ([2.0] * 20 + [30.0] * 5, 22),  # two of five at 30 have a mean of 13.2
        ([2.0] * 20 + [20.0] * 5, 23),
    ],
)
def test_a_lost_trial_is_seen(losses: list[float], step: int) -> None:
    assert first_divergence(losses) == step


@pytest.mark.parametrize(
    "losses",
    [
        [4.0, 3.0, 2.0, 1.0, 0.5] * 10,
        [2.0] * 20 + [40.0] + [2.0] * 20,  # one spike
        [0.01] * 20 + [5.0] * 20,  # overfitted and thrown back, but better than knowing nothing
        [15.0, 14.0, 13.5, 13.0, 12.8] * 5,  # a base that begins above the ceiling
    ],
)
def test_other_trials_go_on(losses: list[float]) -> None:
    assert first_divergence(losses) is None


def test_a_watch_goes_on_from_its_state() -> None:
    losses = [2.0] * 20 + [30.0] * 5
    for cut in range(len(losses)):
        first, second = LossWatch(), LossWatch()
        seen = [first.diverges(loss, CEILING) for loss in losses[:cut]]
        second.load_state(first.state())
        seen += [second.diverges(loss, CEILING) for loss in losses[cut:]]
        assert next(step for step, reason in enumerate(seen, 1) if reason) == 22


def confident_model() -> Any:
    """A tiny model whose head is so large that being wrong is dear: losses of tens of nats."""
    model = tiny_model()
    model.lm_head.weight.data *= 10
    return model


def its_own_rows(model: Any, count: int) -> list[EncodedRow]:
    """Rows whose answers are the model's own, so that it begins with a low loss."""
    rows = []
    for row in random_rows(count, longest=4):
        ids = list(row.input_ids[: row.prompt_length])
        for _ in range(4):
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        rows.append(EncodedRow(tuple(ids), row.prompt_length))
    return rows


@pytest.mark.parametrize(("learning_rate", "is_lost"), [(1e-3, False), (1.0, True)])
def test_a_huge_learning_rate_is_told(learning_rate: float, is_lost: bool) -> None:
    model = confident_model()
    rows = its_own_rows(model, 16)
    config = TrialConfig(learning_rate=learning_rate, lora_rank=4, num_train_epochs=5)
    engine = Engine(model)
    slot = Slot(config, rows, engine.layers, 8, seed=0)
    results = list(engine.train([slot]))
    reason = results[-1].divergence
    print(f"learning rate {learning_rate}: losses {[round(r.loss, 2) for r in results]}, {reason}")
    assert all(result.divergence is None for result in results[:-1])
    assert (reason is not None) == is_lost
    assert (len(results) < slot.total_steps) == is_lost
    assert not is_lost or "the loss diverges: mean of the last 5 steps" in str(reason)


def test_a_gradient_that_is_no_number_ends_a_trial() -> None:
    engine = Engine(tiny_model())
    slot = Slot(TrialConfig(lora_rank=4, lora_alpha=1e30), random_rows(16), engine.layers, 8, seed=0)
    results = list(engine.train([slot]))
    print(results[-1].divergence)
    assert results[-1].divergence is not None
    assert not math.isfinite(results[-1].loss) or not math.isfinite(results[-1].grad_norm)
