"""A deep model's moments from two shallow replays, against a replay at full depth."""

import json
from dataclasses import replace

import pytest

from sweeper.memory.base_config import BaseConfig
from sweeper.memory.depth import moments_of, whole_moments
from sweeper.memory.settings import BaseSettings, EngineStep, Step, TrainerStep
from tests.memory.small import SMALL

DEEP = SMALL.with_layers(7)
STEP = EngineStep(BaseSettings(), seq_length=128)
GEMMA = BaseConfig.of(
    json.loads(SMALL.text)
    | {"model_type": "gemma2", "num_hidden_layers": 13, "sliding_window": 64, "head_dim": 16}
)


@pytest.mark.parametrize(
    ("config", "step"),
    [
        (DEEP, STEP),
        (DEEP, replace(STEP, gradient_checkpointing=True)),
        (DEEP, replace(STEP, layout="packed", cohort=2)),
        (DEEP, replace(STEP, base=BaseSettings(quantization="nf4"), optim="adamw_8bit")),
        (DEEP, TrainerStep(BaseSettings(), seq_length=128, gradient_checkpointing=True, reentrant=True)),
        (DEEP, TrainerStep(BaseSettings(), seq_length=128, lora_rank=None)),
        (GEMMA, STEP),
    ],
)
def test_the_peak_and_its_parts_are_those_of_the_whole_model(config: BaseConfig, step: Step) -> None:
    shortened, whole = moments_of(config, step), whole_moments(config, step)
    assert len(shortened) < len(whole)
    peak, real = shortened[shortened.sum(1).argmax()], whole[whole.sum(1).argmax()]
    # A few small tensors live until Python's collector comes by, which it does at times of its own.
    assert peak.sum() == pytest.approx(real.sum(), abs=32_768)
    assert peak.tolist() == pytest.approx(real.tolist(), abs=32_768)


def test_layers_without_a_period_are_replayed_whole() -> None:
    kinds = ["full_attention"] * 5 + ["sliding_attention"] + ["full_attention"] * 6
    odd = BaseConfig.of(json.loads(GEMMA.text) | {"num_hidden_layers": 12, "layer_types": kinds})
    assert odd.period is None
    assert moments_of(odd, STEP).shape == whole_moments(odd, STEP).shape
