"""Models of 7 to 9 billion parameters, by config alone."""

import pytest
import torch

from sweeper.memory.predict import predict
from sweeper.memory.settings import BaseSettings, EngineStep
from tests.memory.known_models import KNOWN_MODELS, PARAMETERS

LIMIT_BYTES = int(24e9 * 0.95)


@pytest.mark.parametrize("name", KNOWN_MODELS)
def test_the_shape_has_the_published_number_of_parameters(name: str) -> None:
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(KNOWN_MODELS[name].load())
    assert model.num_parameters() == PARAMETERS[name]


def test_qlora_of_8b_fits_2048_tokens_in_24_gb_and_16_bit_without_checkpointing_does_not() -> None:
    config = KNOWN_MODELS["Llama-3.1-8B"]
    step = EngineStep(
        BaseSettings(quantization="nf4"), seq_length=2048, lora_rank=64, gradient_checkpointing=True
    )
    assert predict(config, step).predicted_bytes < LIMIT_BYTES
    plain = EngineStep(BaseSettings(), seq_length=2048, lora_rank=64)
    assert predict(config, plain).predicted_bytes > LIMIT_BYTES
