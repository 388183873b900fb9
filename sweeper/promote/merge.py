"""Merges a LoRA adapter into its base: W + scale B A in fp32, rounded once to f16, a few rows at a time."""

import copy
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.errors import SweepError
from sweeper.models.load import Base
from sweeper.models.reference import BaseReference
from sweeper.models.weight_files import model_folder, safetensors_files
from sweeper.promote.adapter import LoraAdapter
from sweeper.promote.tensors import (
    Float16File,
    LoadedTensors,
    Shape,
    StoredTensors,
    TensorSource,
    blocks,
    tied_names,
)

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class MergeBase:
    """What a merge needs of a base: its structure (weights may be absent) and, by name, its tensors."""

    structure: "PreTrainedModel"
    tensors: TensorSource


def loaded_base(base: Base) -> MergeBase:
    """The base as it is in memory: one that came as .gguf, and one that was changed there."""
    return MergeBase(base.model, LoadedTensors(base.model))


def stored_base(reference: BaseReference) -> MergeBase | None:
    """The base as its .safetensors files have it, without loading it.

    None where there are none, or they hold other tensors than the model has: quantised ones, and those
    that transformers renames or joins as it loads them.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

    folder = None if reference.gguf_file else model_folder(reference)
    files = safetensors_files(folder) if folder else []
    if folder is None or not files:
        return None
    with torch.device("meta"):
        structure = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    if (folder / "generation_config.json").is_file():
        structure.generation_config = GenerationConfig.from_pretrained(folder)
    tensors = StoredTensors(files)
    wanted = LoadedTensors(structure).shapes
    tied = tied_names(structure)
    found = {name: shape for name, shape in tensors.shapes.items() if name not in tied}
    return MergeBase(structure, tensors) if found == wanted else None


def merge_adapter(base: MergeBase, adapter: LoraAdapter, folder: Path) -> None:
    """Writes the merged model to `folder`, as an ordinary Hugging Face folder in float16, but for the
    tokenizer.

    Holds a few blocks of a tensor and one layer's A and B at a time; the base is left as it was. Raises
    SweepError where a weight does not fit in float16, or the adapter does not fit the base.
    """
    _check_targets(base.structure, adapter)
    folder.mkdir(parents=True, exist_ok=True)
    shapes = LoadedTensors(base.structure).shapes
    with Float16File(folder / "model.safetensors", shapes) as file:
        for name, shape in shapes.items():
            for piece in _merged(base.tensors, name, shape, adapter):
                file.write(piece)
    save_configs(base.structure, folder)


def _merged(tensors: TensorSource, name: str, shape: Shape, adapter: LoraAdapter) -> "Iterator[Tensor]":
    import torch

    layer = name.removesuffix(".weight")
    pair = adapter.pair(layer) if layer in adapter.scales else None
    for start, stop in blocks(shape):
        exact = tensors.rows(name, start, stop).float()
        if pair is not None:
            a, b = pair
            exact = torch.addmm(exact, b[start:stop], a, alpha=adapter.scales[layer])
        rounded = exact.to(torch.float16)
        if not torch.isfinite(rounded).all():
            raise SweepError(f"{name} does not fit in float16: its largest value is {exact.abs().max():.3g}")
        yield rounded


def save_configs(structure: "PreTrainedModel", folder: Path) -> None:
    """config.json and generation_config.json, as save_pretrained would write them for float16."""
    import torch

    config = copy.deepcopy(structure.config)
    config.dtype = torch.float16
    config.architectures = [type(structure).__name__]
    if hasattr(config, "quantization_config"):  # of a .gguf that was dequantised as it was loaded
        del config.quantization_config
    config.save_pretrained(folder)
    if structure.generation_config is not None:
        structure.generation_config.save_pretrained(folder)


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Saves all that the converter needs. transformers 5 writes tokenizer.json alone; without the scores
    in a SentencePiece model's own file, llama.cpp splits text in another way."""
    tokenizer.save_pretrained(folder)
    source = Path(getattr(tokenizer, "vocab_file", None) or "")
    if source.name == "tokenizer.model" and source.is_file():
        shutil.copyfile(source, folder / source.name)


def _check_targets(model: "PreTrainedModel", adapter: LoraAdapter) -> None:
    """Raises SweepError unless each pair belongs to a linear layer of the same shape, tied to no other."""
    import torch

    layers = dict(model.named_modules())
    tied = tied_names(model)
    for name, shape in adapter.shapes.items():
        layer = layers.get(name)
        if not isinstance(layer, torch.nn.Linear):
            raise SweepError(f"the adapter changes {name}, which is no linear layer of the base")
        if tuple(layer.weight.shape) != shape:
            raise SweepError(f"the adapter's {name} does not have the shape of the base's")
        if f"{name}.weight" in tied:
            raise SweepError(
                f"{name} shares its weights with the input embeddings and cannot be merged alone"
            )
