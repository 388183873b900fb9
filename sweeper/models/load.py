"""Loads a frozen base model and its tokenizer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeper.models.reference import BaseReference

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class Base:
    """A frozen model in fp32 (eval mode, plain Linear layers) with its tokenizer."""

    reference: BaseReference
    model: "PreTrainedModel"
    tokenizer: Any


def load_base(reference: BaseReference) -> Base:
    """Loads weights and tokenizer. Raises InputError where they cannot be read."""
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    from sweeper.models.tokenizer import load_tokenizer

    from_gguf = {"gguf_file": reference.gguf_file, "quantization_config": GgufConfig(dequantize=True)}
    model = AutoModelForCausalLM.from_pretrained(
        reference.source, dtype=torch.float32, **(from_gguf if reference.gguf_file else {})
    )
    model.requires_grad_(False).eval()
    return Base(reference, model, load_tokenizer(reference))
