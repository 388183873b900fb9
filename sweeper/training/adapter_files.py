"""A slot's adapter as an ordinary PEFT folder, which PeftModel.from_pretrained reads."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from sweeper.space.trial_config import TrialConfig
from sweeper.training.slot_linear import LoraWeights, lora_scaling
from sweeper.training.targets import ALL_LINEAR

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
_PREFIX = "base_model.model."


def save_adapter(
    folder: Path,
    adapter: Mapping[str, LoraWeights],
    base_name: str,
    trial: TrialConfig,
) -> None:
    """Writes the folder whole or not at all: a crash leaves no half adapter under its name."""
    from peft import LoraConfig
    from safetensors.torch import save_file

    alpha, targets = trial.lora_alpha, trial.target_modules
    config = LoraConfig(
        r=trial.lora_rank,
        lora_alpha=int(alpha) if float(alpha).is_integer() else alpha,
        lora_dropout=trial.lora_dropout,
        use_rslora=trial.use_rslora,
        target_modules="all-linear" if targets == ALL_LINEAR else list(targets),
        task_type="CAUSAL_LM",
        base_model_name_or_path=base_name,
        inference_mode=True,
    )
    weights = {}
    for name, part in adapter.items():
        weights[f"{_PREFIX}{name}.lora_A.weight"] = part.lora_a.detach().cpu().contiguous()
        weights[f"{_PREFIX}{name}.lora_B.weight"] = part.lora_b.detach().cpu().contiguous()
    writing = folder.with_name(folder.name + ".writing")
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir(parents=True)
    config.save_pretrained(str(writing))
    save_file(weights, str(writing / WEIGHTS_FILE), metadata={"format": "pt"})
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(writing, folder)


def load_adapter(folder: Path) -> dict[str, LoraWeights]:
    """The adapter that `save_adapter` wrote, for `active_slots`. Raises OSError where a file is missing."""
    from safetensors.torch import load_file

    config = json.loads((folder / CONFIG_FILE).read_text())
    scaling = lora_scaling(config["lora_alpha"], config["r"], config["use_rslora"])
    tensors: dict[str, torch.Tensor] = load_file(str(folder / WEIGHTS_FILE))
    names = sorted({name.removeprefix(_PREFIX).rpartition(".lora_")[0] for name in tensors})
    return {
        name: LoraWeights(
            nn.Parameter(tensors[f"{_PREFIX}{name}.lora_A.weight"], requires_grad=False),
            nn.Parameter(tensors[f"{_PREFIX}{name}.lora_B.weight"], requires_grad=False),
            scaling,
        )
        for name in names
    }
