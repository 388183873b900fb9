"""A base model without data, of the right shapes and types."""

from typing import Any

import torch
from torch import nn

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
        compute_dtype = torch.bfloat16 if settings.dtype == "float32" else dtype_of(settings)
        quantise_linears(model, model.get_output_embeddings(), compute_dtype)
    return model.requires_grad_(False).eval()


def is_eager(config: BaseConfig, settings: BaseSettings) -> bool:
    """Whether attention holds its scores, tokens by tokens: on demand, or where logits are capped."""
    if settings.attention == "auto":
        return getattr(config.load(), "attn_logit_softcapping", None) is not None
    return settings.attention == "eager"


def dtype_of(settings: BaseSettings) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, settings.dtype)
    return dtype


def decoder_layers(model: Any) -> list[nn.Module]:
    """The model's decoder layers, first to last. Raises LookupError where there is no list of them."""
    count = model.config.get_text_config().num_hidden_layers
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return list(module)
    raise LookupError(f"{type(model).__name__} has no list of {count} decoder layers")
