"""Measures a merge in a process of its own: `python -m tests.promote.measure_merge FOLDER LAYERS`.

Makes a Llama of random weights with LAYERS layers of 109 MB and an embedding of 131 MB, all in f16, and an
adapter for it (0 takes those that FOLDER has). Prints the largest tensor's bytes, and what a merge takes
beyond the imports: ours, and one that keeps all pieces. The figure in docs/promotion.md is of 40 layers.
"""

import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, LlamaConfig

from sweeper.models.reference import BaseReference
from sweeper.promote import merge
from sweeper.promote.adapter import read_adapter
from sweeper.promote.merge import merge_adapter, stored_base

RANK = 16


def make(folder: Path, layers: int) -> int:
    """Writes base/ and adapter/, in parts of one layer. Gives the largest tensor's bytes."""
    config = LlamaConfig(
        vocab_size=32000,
        hidden_size=2048,
        intermediate_size=6144,
        num_hidden_layers=layers,
        num_attention_heads=16,
        num_key_value_heads=16,
        tie_word_embeddings=True,
        dtype="float16",
    )
    base = folder / "base"
    config.save_pretrained(base)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    del shapes["lm_head.weight"]
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for name, shape in shapes.items():
        number = re.search(r"layers\.(\d+)\.", name)
        part = parts.setdefault(f"model-{number[1] if number else 'rest'}.safetensors", {})
        # Random bits are slow to draw by the gigabyte: a row, again and again.
        part[name] = torch.randn(shape[-1]).mul(0.02).half().expand(shape).contiguous()
    index = {name: file for file, part in parts.items() for name in part}
    for file, part in parts.items():
        save_file(part, base / file, metadata={"format": "pt"})
    (base / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    _make_adapter(folder / "adapter", shapes)
    return max(2 * math.prod(shape) for shape in shapes.values())


def _make_adapter(folder: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    folder.mkdir()
    weights = {}
    for name, shape in shapes.items():
        if "_proj" in name:
            layer = f"base_model.model.{name.removesuffix('.weight')}"
            weights[f"{layer}.lora_A.weight"] = torch.randn(RANK, shape[1])
            weights[f"{layer}.lora_B.weight"] = torch.randn(shape[0], RANK) * 0.01
    save_file(weights, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"r": RANK, "lora_alpha": 32}))


def resident_bytes(key: str) -> int:
    """VmRSS, or VmHWM: the largest so far. getrusage's peak begins with the parent's."""
    status = Path("/proc/self/status").read_text()
    found = re.search(rf"{key}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def measure(folder: Path) -> int:
    """Bytes that the merge takes beyond what the process had before."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident_bytes("VmRSS")
    base = stored_base(BaseReference("big", str(folder / "base"), None))
    assert base is not None
    merge_adapter(base, read_adapter(folder / "adapter"), folder / "merged")
    return resident_bytes("VmHWM") - before


def measure_hoarding(folder: Path) -> int:
    """The same by a merge that keeps all it has merged, as one that holds the model would."""
    hoard: list[torch.Tensor] = []
    plain = merge._merged

    def hoarding(*arguments: Any) -> Iterator[torch.Tensor]:
        for piece in plain(*arguments):
            hoard.append(piece)
            yield piece

    merge._merged = hoarding
    try:
        return measure(folder)
    finally:
        merge._merged = plain


if __name__ == "__main__":
    folder, layers = Path(sys.argv[1]), int(sys.argv[2])
    largest = make(folder, layers) if layers else 0
    print(json.dumps([largest, measure(folder), measure_hoarding(folder)]))
