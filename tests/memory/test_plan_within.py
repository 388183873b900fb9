"""The planner takes the largest micro-batch that fits, and changes nothing that the user set."""

from hypothesis import given
from hypothesis import strategies as st

from sweeper.memory.plan_within import Fits, Infeasible, Limit, largest_cohort, plan_within

LIMIT = Limit(gpu_memory_bytes=1000, headroom=0.1)


@given(st.integers(1, 64), st.integers(1, 1200), st.integers(0, 1000))
def test_the_plan_fits_and_nothing_larger_would(batch: int, per_row: int, fixed: int) -> None:
    def predict(rows: int) -> int:
        return fixed + per_row * rows

    plan = plan_within(LIMIT, batch, predict)
    larger = [size for size in range(1, batch + 1) if batch % size == 0]
    if isinstance(plan, Fits):
        assert plan.micro_batch_size * plan.gradient_accumulation_steps == batch
        assert plan.predicted_bytes == predict(plan.micro_batch_size) <= 900
        larger = [size for size in larger if size > plan.micro_batch_size]
    else:
        assert plan == Infeasible(predict(1), 900)
        assert plan.constraint > 0
    assert all(predict(size) > 900 for size in larger)


def test_what_the_user_set_is_taken_or_infeasible() -> None:
    assert plan_within(LIMIT, 8, lambda rows: 100 * rows, per_device_train_batch_size=4) == Fits(4, 2, 400)
    assert plan_within(LIMIT, 16, lambda rows: 100 * rows, per_device_train_batch_size=16) == Infeasible(
        1600, 900
    )


def test_a_bound_for_speed_holds() -> None:
    assert plan_within(LIMIT, 8, lambda rows: rows, largest=3) == Fits(2, 4, 2)
    assert plan_within(LIMIT, 8, lambda rows: rows, largest=0) == Fits(1, 8, 1)


def test_the_largest_cohort_that_fits() -> None:
    assert largest_cohort(LIMIT, (1, 2, 4, 8), lambda slots: 200 * slots) == 4
    assert largest_cohort(LIMIT, (1, 2), lambda slots: 1000 * slots) == 0
