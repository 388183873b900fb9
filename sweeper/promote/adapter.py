"""A LoRA adapter on disk, as PEFT saves it."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

_PREFIX = "base_model.model."
_REFUSED = {"use_dora": False, "fan_in_fan_out": False, "bias": "none", "modules_to_save": None}
"""Settings of PEFT's LoraConfig that change the formula, with the value that leaves it alone."""


@dataclass(frozen=True, slots=True)
class LoraAdapter:
    """A PEFT folder, without its weights: those are read layer by layer. `layers` are names in the base.

    `scales` has for each layer lora_alpha / r, or lora_alpha / sqrt(r) where the adapter says use_rslora,
    with the rank and the alpha that PEFT's rank_pattern and alpha_pattern give the layer.
    """

    weights: Path
    scales: Mapping[str, float]
    shapes: Mapping[str, tuple[int, int]]
    """Of the layer's weight: rows of B, columns of A."""

    def pair(self, layer: str) -> tuple["Tensor", "Tensor"]:
        """A (r × in) and B (out × r) in fp32."""
        from safetensors import safe_open

        with safe_open(self.weights, framework="pt") as file:
            a, b = (file.get_tensor(_key(layer, side)).float().clone() for side in "AB")
        return a, b


def read_adapter(folder: Path) -> LoraAdapter:
    """Reads adapter_config.json and the head of adapter_model.safetensors.

    Raises InputError where they are missing, or describe more than LoRA on linear layers.
    """
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
    shapes = _shapes(weights_path)
    scales = {layer: _scale(config, layer) for layer in shapes}
    return LoraAdapter(weights_path, scales, shapes)


def _scale(config: Mapping[str, Any], layer: str) -> float:
    rank = int(_by_pattern(config.get("rank_pattern"), layer, config["r"]))
    alpha = float(_by_pattern(config.get("alpha_pattern"), layer, config["lora_alpha"]))
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _by_pattern(patterns: Mapping[str, Any] | None, layer: str, otherwise: Any) -> Any:
    """PEFT's rule: the first pattern that matches the end of the layer's name, at a dot."""
    for pattern, value in (patterns or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", layer):
            return value
    return otherwise


def _shapes(path: Path) -> dict[str, tuple[int, int]]:
    """By layer. Raises InputError for a tensor that is not half of a pair lora_A, lora_B."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        found = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    layers = sorted({key.removeprefix(_PREFIX).rpartition(".lora_")[0] for key in found})
    expected = {_key(layer, side) for layer in layers for side in "AB"}
    if odd := sorted(expected ^ found.keys()):
        raise InputError(
            str(path), f"{odd[0]} is not half of a pair lora_A, lora_B", "Save the adapter again"
        )
    return {layer: (found[_key(layer, "B")][0], found[_key(layer, "A")][1]) for layer in layers}


def _key(layer: str, side: str) -> str:
    return f"{_PREFIX}{layer}.lora_{side}.weight"
