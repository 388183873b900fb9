"""A base model without data, of the right shapes and types."""

from typing import Any

import torch

from sweeper.memory.base_config import BaseConfig
from sweeper.memory.nf4_linear import quantise_linears
from sweeper.memory.settings import BaseSettings


def build_base(config: BaseConfig, settings: BaseSettings) -> Any:
    """The frozen base as it is held in memory; call it within `fake_tensors`."""
    from transformers import AutoModelForCausalLM
    from transformers.initialization import no_init_weights

    attention = "eager" if is_eager(config, settings) else None
    with no_init_weights():
        model = AutoModelForCausalLM.from_config(
            config.load(), dtype=dtype_of(settings), attn_implementation=attention
        )
    model.tie_weights()  # which belongs to the initialisation that is left out
    if settings.quantization == "nf4":
        quantise_linears(model, model.get_output_embeddings(), dtype_of(settings))
    return model.requires_grad_(False).eval()


def is_eager(config: BaseConfig, settings: BaseSettings) -> bool:
    """Whether attention holds its scores, tokens by tokens: on demand, or where logits are capped."""
    if settings.attention == "auto":
        return getattr(config.load(), "attn_logit_softcapping", None) is not None
    return settings.attention == "eager"


def dtype_of(settings: BaseSettings) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, settings.dtype)
    return dtype
