"""Predictions in between the sizes that were replayed, against a replay of each."""

from dataclasses import replace
from itertools import product

import pytest

from sweeper.memory.base_config import BaseConfig
from sweeper.memory.depth import Moments, moments_of
from sweeper.memory.predict import predict, predict_many
from sweeper.memory.settings import BaseSettings, EngineStep, Layout, Step
from tests.memory.small import SMALL

DEEP = SMALL.with_layers(7)


@pytest.mark.parametrize(("layout", "checkpointing"), [("padded", True), ("packed", False)])
def test_interpolated_sizes_are_within_a_per_cent_of_a_replay(layout: Layout, checkpointing: bool) -> None:
    steps = [
        EngineStep(
            BaseSettings(),
            layout,
            batch,
            length,
            rank,
            gradient_checkpointing=checkpointing,
        )
        for rank, batch, length in product((8, 16, 64), (1, 2, 4), (128, 256, 384, 512))
    ]
    between = dict(zip(steps, predict_many(DEEP, steps), strict=True))
    for step in steps[7::17]:
        replayed = predict(DEEP, step).predicted_bytes
        assert between[step].predicted_bytes == pytest.approx(replayed, rel=0.01)


def test_many_sizes_take_few_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    replayed: list[Step] = []

    def counted(config: BaseConfig, step: Step) -> Moments:
        replayed.append(step)
        return moments_of(config, step)

    monkeypatch.setattr("sweeper.memory.predict.moments_of", counted)
    steps = [
        EngineStep(BaseSettings(), "padded", batch, length, rank)
        for rank, batch, length in product((8, 16, 32, 64), (1, 2, 4, 8), (256, 512))
    ]
    predict_many(DEEP, steps)
    assert len(set(replayed)) <= 7
    assert len(steps) == 32


def test_parts_add_up_and_only_cuda_has_a_context() -> None:
    step = EngineStep(BaseSettings(), seq_length=256)
    on_cuda = predict(SMALL, step)
    assert sum(on_cuda.parts.values()) == on_cuda.predicted_bytes
    assert on_cuda.parts["context"] > 0
    assert "context" not in predict(SMALL, replace(step, base=BaseSettings("float32", device="cpu"))).parts


def test_rows_side_by_side_are_not_one_long_row_where_attention_is_eager() -> None:
    """Two rows hold two squares of scores, one of twice the length holds four."""
    eager = BaseSettings(attention="eager")
    two = predict(SMALL, EngineStep(eager, "padded", 2, 512, 8)).predicted_bytes
    one = predict(SMALL, EngineStep(eager, "padded", 1, 1024, 8)).predicted_bytes
    assert two < 0.99 * one
