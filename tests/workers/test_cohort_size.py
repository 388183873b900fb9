"""How many trials a worker takes at once, by what it measures."""

from collections.abc import Iterator

import pytest

from sweeper.models.precision import Precision
from sweeper.training.engine import Engine
from sweeper.workers.cohort_size import SECONDS, grown_cohort, may_pay, measured_rate
from tests.training.tiny import random_rows, tiny_model


@pytest.mark.parametrize(
    ("rates", "size"),
    [
        ({1: 100, 2: 100}, 1),
        ({1: 100, 2: 180, 4: 190}, 2),
        ({1: 100, 2: 180, 4: 300, 8: 500}, 8),
        ({1: 100, 2: 0}, 1),  # two do not fit
    ],
)
def test_it_grows_for_as_long_as_it_pays(rates: dict[int, float], size: int) -> None:
    assert grown_cohort(rates.__getitem__) == size


def test_it_stops_when_its_time_is_up() -> None:
    times: Iterator[float] = iter([0.0, SECONDS / 2, SECONDS + 1])
    assert grown_cohort(lambda size: float(size), lambda: next(times)) == 2


def test_where_it_can_pay() -> None:
    assert not may_pay(Precision())
    assert not may_pay(Precision("bfloat16"))
    assert may_pay(Precision(quantization="nf4"))
    assert may_pay(Precision("bfloat16", device="cuda:1"))


def test_measuring_trains_nothing_that_stays() -> None:
    engine = Engine(tiny_model())
    rate = measured_rate(engine, random_rows(12))
    assert rate(1) > 0
    assert rate(2) > 0
    assert all(parameter.grad is None for parameter in engine.model.parameters())
    assert all(layer.active == () for layer in engine.layers.values())
