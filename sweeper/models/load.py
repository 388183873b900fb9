"""Loads a frozen base model and its tokenizer."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.errors import InputError
from sweeper.models.precision import Precision
from sweeper.models.reference import BaseReference

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PLAIN = Precision()
"""fp32 on the CPU: how models are scored beside a sweep, merged and proven."""


@dataclass(frozen=True, slots=True)
class Base:
    """A frozen model (eval mode, Linear layers, or Linear4bit ones for nf4) with its tokenizer."""

    reference: BaseReference
    model: "PreTrainedModel"
    tokenizer: Any
    precision: Precision = PLAIN


def load_base(
    reference: BaseReference, precision: Precision = PLAIN, dequantised: Path | None = None
) -> Base:
    """Loads weights and tokenizer. Raises InputError where they cannot be read.

    `dequantised` is a folder that keeps .gguf bases as they are read for nf4: transformers does not
    quantise what it reads from a GGUF. Without one that is done anew each time.
    """
    from sweeper.models.tokenizer import load_tokenizer

    if precision.quantization == "nf4" and reference.gguf_file:
        model = _load_nf4_of_gguf(reference, precision, dequantised)
    else:
        model = _load(reference.source, reference.gguf_file, precision)
    model.requires_grad_(False).eval()
    return Base(reference, model, load_tokenizer(reference), precision)


def _load_nf4_of_gguf(
    reference: BaseReference, precision: Precision, dequantised: Path | None
) -> "PreTrainedModel":
    from sweeper.models.dequantised import dequantised_folder

    if dequantised is not None:
        return _load(str(dequantised_folder(reference, precision.dtype, dequantised)), None, precision)
    with tempfile.TemporaryDirectory() as folder:
        return _load(str(dequantised_folder(reference, precision.dtype, Path(folder))), None, precision)


def _load(source: str, gguf_file: str | None, precision: Precision) -> "PreTrainedModel":
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    named: dict[str, Any] = {"dtype": getattr(torch, precision.dtype)}
    if precision.attention != "auto":
        named["attn_implementation"] = precision.attention
    if gguf_file:
        named |= {"gguf_file": gguf_file, "quantization_config": GgufConfig(dequantize=True)}
    if precision.quantization == "nf4":
        named |= {"quantization_config": _nf4(named["dtype"]), "device_map": {"": precision.device}}
    try:
        model = AutoModelForCausalLM.from_pretrained(source, **named)
    except ValueError as error:
        if precision.attention == "auto" or "attention" not in str(error):
            raise
        problem = f"is {precision.attention}, and this architecture has it not"
        raise InputError("model.attention", problem, "Write auto") from None
    if precision.quantization == "nf4":
        _keep_one_kernel(model)
        return model
    return model.to(precision.device) if precision.device != "cpu" else model


def _nf4(compute_dtype: Any) -> Any:
    """Dettmers et al. 2023, "QLoRA", arXiv 2305.14314: NF4, its scales quantised once more."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype,
    )


def _keep_one_kernel(model: Any) -> None:
    """On a CPU with avx512_bf16 Linear4bit repacks its weights in the first forward pass without
    gradients, and computes in bf16 from then on: a trial would train on one model and be scored on
    another, and backward through the packed weights is wrong."""
    import bitsandbytes

    for module in model.modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):
            module.support_avx512bf16_for_cpu = False
