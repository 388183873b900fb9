"""Patience as transformers counts it; an overfit stop where it must and not where it must not."""

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.space.early_stopping import EarlyStoppingSettings
from sweeper.training.early_stopping import EarlyStopping

VALUES = st.lists(st.integers(1, 40).map(lambda tenths: tenths / 10), min_size=1, max_size=20)


def followed(stopping: EarlyStopping, values: list[float], first: int = 1) -> int | None:
    """The evaluation, from 1, at which it ends the trial; None where it does not."""
    for step, value in enumerate(values, start=first):
        if stopping.takes(step, value):
            stopping.best_parameters = [torch.tensor(value)]
        if stopping.reason is not None:
            return step
    return None


def by_transformers(patience: int, threshold: float, values: list[float]) -> int | None:
    """The same by EarlyStoppingCallback, with Trainer's bookkeeping of the best metric beside it."""
    from transformers import EarlyStoppingCallback

    callback: Any = EarlyStoppingCallback(patience, threshold)
    arguments = SimpleNamespace(greater_is_better=False, metric_for_best_model="eval_loss")
    state: Any = SimpleNamespace(best_metric=None)
    control = SimpleNamespace(should_training_stop=False)
    for number, value in enumerate(values, start=1):
        callback.on_evaluate(arguments, state, control, {"eval_loss": value})
        if state.best_metric is None or value < state.best_metric:
            state.best_metric = value
        if control.should_training_stop:
            return number
    return None


@given(st.integers(1, 4), st.sampled_from([0.0, 0.15, 0.55]), VALUES)
def test_patience_is_that_of_transformers(patience: int, threshold: float, values: list[float]) -> None:
    stopping = EarlyStopping(EarlyStoppingSettings(patience, threshold))
    expected = by_transformers(patience, threshold, values)
    assert followed(stopping, values) == expected
    seen = values[:expected]
    assert stopping.best_value == min(seen)
    assert stopping.best_step == 1 + seen.index(min(seen))
    assert stopping.best_parameters == [torch.tensor(min(seen))]


@given(st.sampled_from([0.05, 0.25, 1.0]), VALUES)
def test_overfit_is_the_first_evaluation_too_far_above_the_best(share: float, values: list[float]) -> None:
    lowest = list(itertools.accumulate(values, min))
    expected = next(
        (
            n
            for n, (value, low) in enumerate(zip(values, lowest, strict=True), 1)
            if value > low * (1 + share)
        ),
        None,
    )
    assert followed(EarlyStopping(EarlyStoppingSettings(overfit=share)), values) == expected


@pytest.mark.parametrize(
    ("settings", "values", "reason"),
    [
        (
            EarlyStoppingSettings(patience=2),
            [3, 2, 2.5, 2],
            "patience: no gain in eval_loss for 2 evaluations, after its best, 2 at step 2",
        ),
        (
            EarlyStoppingSettings(patience=2, overfit=0.1),
            [3, 2, 2.3],
            "overfit: eval_loss 2.3 at step 3 is more than 10 % above its best, 2 at step 2",
        ),
        (EarlyStoppingSettings(patience=2, overfit=0.1), [3, 2, 2.1, 1.9, 2, 1.8], None),
        (EarlyStoppingSettings(patience=1), [5, 4, 3, 2, 1], None),
        (EarlyStoppingSettings(overfit=0.1), [1, 1.05, 1.1, 1.05], None),
    ],
)
def test_it_says_why(settings: EarlyStoppingSettings, values: list[float], reason: str | None) -> None:
    stopping = EarlyStopping(settings)
    followed(stopping, values)
    assert stopping.reason == reason


@settings(max_examples=50)
@given(st.integers(1, 3), VALUES, st.integers(0, 20))
def test_gone_on_from_its_state_it_is_the_same(patience: int, values: list[float], cut: int) -> None:
    rules = EarlyStoppingSettings(patience, 0.15, overfit=0.5)
    whole, before, after = EarlyStopping(rules), EarlyStopping(rules), EarlyStopping(rules)
    expected = followed(whole, values)
    ended = followed(before, values[:cut])
    after.load_state(before.state())
    found = ended if ended is not None else followed(after, values[cut:], first=1 + min(cut, len(values)))
    assert found == expected
    assert after.state() == whole.state()
