"""Trials of a space: order of dependencies, enumeration against brute force, draws within bounds."""

import itertools
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.space.default_space import DEFAULT_CONSTANTS
from sweeper.space.draw import draw, enumerate_points, values_of
from sweeper.space.grid import grid_order
from sweeper.space.parameters import Choice, Parameter, Range
from sweeper.space.read_expression import read_condition
from sweeper.space.read_parameter import read_parameter
from sweeper.space.resolve import CycleError, in_order
from sweeper.space.survey import DRAWS, survey


def space(**raw: Any) -> dict[str, Parameter]:
    return {**DEFAULT_CONSTANTS, **{name: read_parameter(name, value) for name, value in raw.items()}}


SPACE = space(
    lora_rank={"values": [8, 16, 32]},
    lora_alpha={"expr": "2 * lora_rank"},
    use_rslora={"values": [True, False], "when": "lora_rank >= 16"},
    lora_dropout={"values": [0, 0.1], "when": {"use_rslora": True}, "otherwise": 0.2},
    max_seq_length={"min": 256, "max": 1024, "step": 256},
)
CONSTRAINTS = (read_condition("lora_alpha * max_seq_length <= 32768"),)


def by_hand() -> set[tuple[Any, ...]]:
    """SPACE's allowed trials, written out."""
    found = set()
    for rank, rslora, dropout, length in itertools.product(
        [8, 16, 32], [True, False], [0.0, 0.1], [256, 512, 768, 1024]
    ):
        rslora = rslora if rank >= 16 else False
        if 2 * rank * length <= 32768:
            found.add((rank, 2.0 * rank, rslora, dropout if rslora else 0.2, length))
    return found


NAMES = ("lora_rank", "lora_alpha", "use_rslora", "lora_dropout", "max_seq_length")


def test_all_trials_are_enumerated_once() -> None:
    points = [point for point in enumerate_points(SPACE, CONSTRAINTS) if point.fault is None]
    found = [tuple(point.values[name] for name in NAMES) for point in points]
    assert len(found) == len(set(found))
    assert set(found) == by_hand()


def test_what_does_not_apply_is_not_drawn() -> None:
    for point in [*enumerate_points(SPACE, ()), *islice(draw(SPACE, (), seed=1), 200)]:
        assert ("use_rslora" in point.drawn) == (point.values["lora_rank"] >= 16)  # type: ignore[operator]
        assert ("lora_dropout" in point.drawn) == point.values["use_rslora"]
        assert set(point.values) == set(SPACE)


def test_draws_find_exactly_the_allowed_trials() -> None:
    points = [point for point in islice(draw(SPACE, CONSTRAINTS, seed=3), 2000) if point.fault is None]
    assert {tuple(point.values[name] for name in NAMES) for point in points} == by_hand()


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    first, again, other = (
        [point.drawn for point in islice(draw(SPACE, (), seed=seed), 20)] for seed in (1, 1, 2)
    )
    assert first == again != other


def test_fixed_values_are_kept() -> None:
    for point in islice(draw(SPACE, (), seed=1, fixed={"lora_rank": 16}), 50):
        assert point.values["lora_rank"] == 16
    exact = survey(SPACE, (), fixed={"lora_rank": 8})
    assert len(exact.points) == 4


def test_a_circle_is_found_with_its_way() -> None:
    parameters = space(
        lora_alpha={"expr": "weight_decay"},
        weight_decay={"expr": "max_grad_norm + 1"},
        max_grad_norm={"values": [1, 2], "when": "lora_alpha > 1"},
    )
    with pytest.raises(CycleError, match="lora_alpha → weight_decay → max_grad_norm → lora_alpha"):
        in_order(parameters)


def test_order_puts_each_after_what_it_needs_whatever_the_file_says() -> None:
    order = in_order(SPACE)
    assert order.index("lora_rank") < order.index("use_rslora") < order.index("lora_dropout")
    assert in_order(dict(reversed(SPACE.items()))) == order


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 50), st.integers(1, 40), st.integers(1, 9), st.sampled_from([1.0, 0.1, 0.05, 1e-4, 0.3])
)
def test_steps_are_round_numbers_and_end_at_max(start: int, count: int, times: int, unit: float) -> None:
    step = round(times * unit, 6)
    low = round(start * step, 6)
    high = round(low + count * step, 6)
    parameter = read_parameter("weight_decay", {"min": low, "max": high, "step": step})
    assert isinstance(parameter, Range)
    values = values_of(parameter)
    assert len(values) == count + 1
    assert (values[0], values[-1]) == (low, high)
    assert values == [round(low + index * step, 6) for index in range(count + 1)]


@pytest.mark.parametrize(
    "raw",
    [
        {"min": 1e-5, "max": 1e-3, "log": True},
        {"min": 0.1, "max": 0.9},
        {"min": 0.1, "max": 0.9, "step": 0.2},
    ],
)
def test_draws_stay_within_their_range(raw: dict[str, Any]) -> None:
    points = islice(draw(space(learning_rate=raw), (), seed=0), 500)
    values = [float(point.drawn["learning_rate"]) for point in points]  # type: ignore[arg-type]
    assert raw["min"] <= min(values) < max(values) <= raw["max"]
    if "step" in raw:
        assert set(values) == {0.1, 0.3, 0.5, 0.7, 0.9}


def test_a_survey_of_a_large_space_holds_its_corners() -> None:
    parameters = space(learning_rate={"min": 1e-5, "max": 1e-3}, lora_rank={"values": [8, 64]})
    found = survey(parameters, ())
    assert not found.exact
    assert len(found.points) == DRAWS + 4
    corners = {(point.drawn["learning_rate"], point.drawn["lora_rank"]) for point in found.points[:4]}
    assert corners == {(1e-5, 8), (1e-5, 64), (1e-3, 8), (1e-3, 64)}


def test_a_grid_tries_each_point_once_the_baseline_first_and_the_rest_shuffled() -> None:
    baseline = ({"lora_rank": 32, "max_seq_length": 512}, {"lora_rank": 8})
    order = grid_order(SPACE, CONSTRAINTS, baseline, seed=0)
    assert len(order) == len(by_hand())
    assert len({tuple(sorted(point.items())) for point in order}) == len(order)
    assert (order[0]["lora_rank"], order[0]["max_seq_length"]) == (32, 512)
    assert order[1]["lora_rank"] == 8
    assert grid_order(SPACE, CONSTRAINTS, baseline, seed=0) == order
    assert grid_order(SPACE, CONSTRAINTS, baseline, seed=1) != order


def test_a_constraint_may_keep_out_what_cannot_be_computed() -> None:
    parameters = space(lora_rank={"values": [8, 16]}, lora_alpha={"expr": "64 / (lora_rank - 8)"})
    faults = [point.fault for point in enumerate_points(parameters, (read_condition("lora_rank > 8"),))]
    assert [fault is None or fault.reason is None for fault in faults] == [True, True]
    unguarded = [point.fault for point in enumerate_points(parameters, ())]
    assert [fault.reason if fault else None for fault in unguarded] == ["it divides by 0", None]


def test_choices_of_one_value_are_points_too() -> None:
    points = list(enumerate_points({**SPACE, "lora_rank": Choice((8,))}, ()))
    assert len(points) == 4
