"""Rungs stand where the rows that training really draws say they stand."""

import dataclasses
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.data.order import total_steps, windows
from sweeper.search.rungs import examples_after, rung_step
from sweeper.space.trial_config import TrialConfig

CONFIGS = st.builds(
    TrialConfig,
    effective_batch_size=st.integers(1, 12),
    num_train_epochs=st.sampled_from([0.1, 0.5, 1.0, 2.0, 2.5, 3.0]),
)


@given(CONFIGS, st.integers(1, 60))
@settings(max_examples=150)
def test_examples_are_those_of_the_windows(config: TrialConfig, rows: int) -> None:
    seen = 0
    for step, window in enumerate(windows(config, rows, seed=0), start=1):
        seen += len(window)
        assert examples_after(config, rows, step) == seen


@given(CONFIGS, st.integers(1, 60), st.fractions(Fraction(1, 50), 1))
@settings(max_examples=150)
def test_a_rung_is_the_first_step_with_its_share(config: TrialConfig, rows: int, share: Fraction) -> None:
    step, last = rung_step(config, rows, share), total_steps(config, rows)
    wanted = share * examples_after(config, rows, last)
    assert 1 <= step <= last
    assert examples_after(config, rows, step) >= wanted
    assert step == 1 or examples_after(config, rows, step - 1) < wanted


@pytest.mark.parametrize(("batch", "steps"), [(4, [3, 9, 27]), (8, [2, 5, 14]), (108, [1, 1, 1])])
def test_trials_of_different_batch_sizes_are_compared_after_the_same_rows(
    batch: int, steps: list[int]
) -> None:
    config = dataclasses.replace(TrialConfig(), effective_batch_size=batch)
    assert [rung_step(config, 108, share) for share in (Fraction(1, 9), Fraction(1, 3), Fraction(1))] == steps
