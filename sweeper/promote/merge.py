"""Merges a LoRA adapter into its base: W + scale B A in fp32, rounded once to f16."""

import copy
import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.errors import InputError, SweepError
from sweeper.models.load import Base

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

_PREFIX = "base_model.model."
_REFUSED = {
    "use_dora": False,
    "fan_in_fan_out": False,
    "bias": "none",
    "modules_to_save": None,
    "rank_pattern": {},
    "alpha_pattern": {},
}
"""Settings of PEFT's LoraConfig that change the formula, with the value that leaves it alone."""


@dataclass(frozen=True, slots=True)
class LoraAdapter:
    """A PEFT folder, read. `pairs` maps a layer's name to A (r × in) and B (out × r), in fp32."""

    rank: int
    alpha: float
    pairs: dict[str, tuple["Tensor", "Tensor"]]
    use_rslora: bool = False

    @property
    def scale(self) -> float:
        """lora_alpha / r, or lora_alpha / sqrt(r) where the adapter says use_rslora."""
        return self.alpha / (math.sqrt(self.rank) if self.use_rslora else self.rank)


def read_adapter(folder: Path) -> LoraAdapter:
    """Reads adapter_config.json and adapter_model.safetensors.

    Raises InputError where they are missing, or describe more than plain LoRA on linear layers.
    """
    from safetensors.torch import load_file

    config_path, weights_path = folder / "adapter_config.json", folder / "adapter_model.safetensors"
    for path in (config_path, weights_path):
        if not path.is_file():
            raise InputError(str(path), "there is no such file", "Give the folder of a saved PEFT adapter")
    config: dict[str, Any] = json.loads(config_path.read_text(encoding="utf-8"))
    for key, plain in _REFUSED.items():
        if (config.get(key) or plain) != plain:
            raise InputError(
                str(config_path),
                f"{key} is {config[key]!r}, and only {plain!r} can be merged",
                "Promote an adapter of plain LoRA",
            )
    return LoraAdapter(
        int(config["r"]),
        float(config["lora_alpha"]),
        _pairs(load_file(weights_path), weights_path),
        bool(config.get("use_rslora")),
    )


def _pairs(tensors: dict[str, "Tensor"], path: Path) -> dict[str, tuple["Tensor", "Tensor"]]:
    """Joins each layer's lora_A to its lora_B. Raises InputError for a tensor that is neither."""
    names = {key.removeprefix(_PREFIX).rpartition(".lora_")[0] for key in tensors}
    expected = {f"{_PREFIX}{name}.lora_{side}.weight" for name in names for side in "AB"}
    if odd := sorted(expected ^ tensors.keys()):
        raise InputError(
            str(path), f"{odd[0]} is not half of a pair lora_A, lora_B", "Save the adapter again"
        )
    return {
        name: (
            tensors[f"{_PREFIX}{name}.lora_A.weight"].float(),
            tensors[f"{_PREFIX}{name}.lora_B.weight"].float(),
        )
        for name in sorted(names)
    }


def merge_adapter(base: Base, adapter: LoraAdapter, folder: Path) -> None:
    """Writes the merged model to `folder`, as an ordinary Hugging Face folder in float16.

    With it go the tokenizer, its chat template and the generation config. `base` is left as it was;
    the merge needs half of its memory on top. Raises SweepError where a weight does not fit in
    float16, or the adapter does not fit the base.
    """
    import torch

    _check_targets(base.model, adapter)
    with torch.device("meta"):
        merged = type(base.model)._from_config(copy.deepcopy(base.model.config), dtype=torch.float16)
    merged.load_state_dict(merged_weights(base.model, adapter), assign=True)
    merged.tie_weights()
    merged.generation_config = base.model.generation_config
    merged.save_pretrained(folder)
    _save_tokenizer(base.tokenizer, folder)


def _save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Saves all that the converter needs. transformers 5 writes tokenizer.json alone; without the scores
    in a SentencePiece model's own file, llama.cpp splits text in another way."""
    tokenizer.save_pretrained(folder)
    source = Path(getattr(tokenizer, "vocab_file", None) or "")
    if source.name == "tokenizer.model" and source.is_file():
        shutil.copyfile(source, folder / source.name)


def merged_weights(model: "PreTrainedModel", adapter: LoraAdapter) -> dict[str, "Tensor"]:
    """The state dict of `model` with the adapter merged in: summed in fp32, rounded once to f16."""
    import torch

    weights = {}
    for name, value in model.state_dict().items():
        pair = adapter.pairs.get(name.removesuffix(".weight"))
        exact = (
            value if pair is None else value.float() + adapter.scale * (pair[1] @ pair[0]).to(value.device)
        )
        weights[name] = exact.to(torch.float16)
        if not torch.isfinite(weights[name]).all():
            raise SweepError(f"{name} does not fit in float16: its largest value is {exact.abs().max():.3g}")
    return weights


def _check_targets(model: "PreTrainedModel", adapter: LoraAdapter) -> None:
    """Raises SweepError unless each pair belongs to a linear layer of the same shape, tied to no other."""
    import torch

    layers = dict(model.named_modules())
    output = model.get_output_embeddings() if model.config.tie_word_embeddings else None
    for name, (a, b) in adapter.pairs.items():
        layer = layers.get(name)
        if not isinstance(layer, torch.nn.Linear):
            raise SweepError(f"the adapter changes {name}, which is no linear layer of the base")
        if tuple(layer.weight.shape) != (b.shape[0], a.shape[1]):
            raise SweepError(f"the adapter's {name} does not have the shape of the base's")
        if layer is output:
            raise SweepError(
                f"{name} shares its weights with the input embeddings and cannot be merged alone"
            )
