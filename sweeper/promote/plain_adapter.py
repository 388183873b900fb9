"""An adapter that means the same by lora_alpha / r alone.

llama.cpp's converter writes one alpha for all layers, and llama.cpp divides it by each layer's own rank.
So rank patterns need nothing, while rslora and alpha patterns would come out as another adapter.
"""

import json
from pathlib import Path
from typing import Any

from sweeper.promote.adapter import LoraAdapter


def write_plain_adapter(adapter: LoraAdapter, source: Path, folder: Path) -> None:
    """Writes the PEFT folder `source`, read as `adapter`, to `folder` in fp32.

    B of each layer takes up what its scale has beyond lora_alpha / r; where that is nothing, it stays as
    it is to the bit. PEFT reads the copy as it reads the original.
    """
    from safetensors.torch import save_file

    config: dict[str, Any] = json.loads((source / "adapter_config.json").read_text(encoding="utf-8"))
    alpha = float(config["lora_alpha"]) or 1.0  # llama.cpp takes an alpha of 0 for a scale of 1
    tensors = {}
    for layer, scale in adapter.scales.items():
        a, b = adapter.pair(layer)
        factor = scale / (alpha / b.shape[1])
        tensors[f"base_model.model.{layer}.lora_A.weight"] = a
        tensors[f"base_model.model.{layer}.lora_B.weight"] = b if factor == 1.0 else b * factor
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    plain = {**config, "lora_alpha": alpha, "alpha_pattern": {}, "use_rslora": False}
    (folder / "adapter_config.json").write_text(json.dumps(plain, indent=2), encoding="utf-8")
