"""The check at load tells rounding from rows that see each other, in the precision that a base is held in."""

import pytest
import torch

from sweeper.training import packed
from sweeper.training.engine import Engine
from sweeper.workers.workbench import LAYOUT_TOLERANCES
from tests.training.tiny import random_rows, tiny_model

PRECISIONS = ["float32", "bfloat16", "float16"]
SETS = [random_rows(4, seed) for seed in range(6)]


def engine_in(dtype: str) -> Engine:
    model = tiny_model(hidden_size=128, intermediate_size=256, num_hidden_layers=6, initializer_range=0.1)
    return Engine(model.to(getattr(torch, dtype)))


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_rounding_is_well_below_the_tolerance(dtype: str) -> None:
    engine = engine_in(dtype)
    largest = max(engine.check_layout(rows) for rows in SETS)
    print(f"{dtype}: packed rows differ from rows alone by at most {largest:.1e}")
    assert 0 < largest < LAYOUT_TOLERANCES[dtype] / 2


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_one_row_that_sees_one_other_is_above_it(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = packed._mask

    def leaking(segments: torch.Tensor) -> torch.Tensor:
        second_sees_first = (segments == 2)[:, None, :, None] & (segments == 1)[:, None, None, :]
        return exact(segments) | second_sees_first

    monkeypatch.setattr(packed, "_mask", leaking)
    engine = engine_in(dtype)
    smallest = min(engine.check_layout(rows) for rows in SETS)
    print(f"{dtype}: one row that sees one other differs by at least {smallest:.1e}")
    assert smallest > LAYOUT_TOLERANCES[dtype]
