"""Micro-batches divide the effective batch and keep packed rows short."""

from hypothesis import given
from hypothesis import strategies as st

from sweeper.memory.plan import PACKED_TOKENS, plan_trial
from sweeper.space.trial_config import TrialConfig


@given(st.integers(1, 64), st.integers(8, 4096), st.lists(st.integers(1, 5000), min_size=1, max_size=5))
def test_the_plan_is_the_largest_that_fits(batch: int, length: int, rows: list[int]) -> None:
    config = TrialConfig(effective_batch_size=batch, max_seq_length=length)
    plan = plan_trial(0, 1, config, rows)
    size = plan.micro_batch_size
    longest = min(length, max(rows))
    assert size * plan.gradient_accumulation_steps == batch
    assert size == 1 or size * longest <= PACKED_TOKENS
    larger = [n for n in range(size + 1, batch + 1) if batch % n == 0]
    assert all(n * longest > PACKED_TOKENS for n in larger)


@given(st.integers(1, 8), st.integers(1, 8))
def test_a_pair_is_taken_as_it_is(rows: int, steps: int) -> None:
    config = TrialConfig(per_device_train_batch_size=rows, gradient_accumulation_steps=steps)
    plan = plan_trial(0, 1, config, [5000])
    assert (plan.micro_batch_size, plan.gradient_accumulation_steps) == (rows, steps)
