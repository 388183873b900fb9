"""One published measurement as a step to replay: what its settings mean."""

import re
from dataclasses import dataclass
from typing import Any

from sweeper.memory.base_config import BaseConfig
from sweeper.memory.settings import BaseSettings, Dtype, Optim, TrainerStep

_MODEL_TYPES = {
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "mistral": "mistral",
    "gemma-2": "gemma2",
    "gemma-3": "gemma3_text",
    "phi-3": "phi3",
    "granite": "granite",
    "llama": "llama",
    "smollm": "llama",
    "deepseek-llm": "llama",
    "yi-": "llama",
}
"""What a model's name holds, and its model_type."""

_SHAPELESS = {
    "bigcode/gpt_bigcode-santacoder": "no shape in the row, and its table of 2,048 learned positions is "
    "shorter than the 4,096 tokens named, so what length was trained is not known"
}


_ORDINARY_LENGTH = 300
"""MetaMathQA's rows have some 200 to 250 tokens, and the longest of four about so many: what the batch
before the longest one was like."""


class OutOfReach(Exception):
    """A row that cannot be replayed, and why."""


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """`whole` says that the allocator's own figure is wanted, which takes a replay at full depth."""

    name: str
    config: BaseConfig
    step: TrainerStep
    measured_bytes: int
    kind: str


def read_row(row: dict[str, Any]) -> MeasuredRow:
    """Raises OutOfReach for a row with settings that no replay covers."""
    row = {"extra": {}, "quant": None, "oom": False, **row}
    framework = str(row["extra"].get("framework", ""))
    if "foak" in framework:
        raise OutOfReach("fused Triton kernels (norm, rotary, cross-entropy) in place of torch's")
    if row.get("oom"):
        raise OutOfReach("the run ended out of memory, so there is no peak")
    if row["method"] not in ("lora", "full", "qlora", "dora"):
        raise OutOfReach(f"the method {row['method']} is not replayed")
    if row["quant"] not in ("none", None) and "nf4" not in row["quant"]:
        raise OutOfReach(f"the quantisation {row['quant']} is not replayed")
    return MeasuredRow(_name(row), _config(row), _step(row), int(row["peak_bytes"]), row["kind"])


def _name(row: dict[str, Any]) -> str:
    quantised = " nf4" if "nf4" in (row["quant"] or "") else ""
    rank = f" r{row['rank']}" if row["rank"] else ""
    checkpointing = " ckpt" if row["grad_ckpt"] else ""
    return (
        f"{row['model'].split('/')[-1]} {row['method']}{rank}{quantised} b{row['micro_batch']}{checkpointing}"
    )


def _config(row: dict[str, Any]) -> BaseConfig:
    shape, name = row["hidden"], row["model"].lower()
    if shape is None:
        raise OutOfReach(_SHAPELESS.get(name, "the row does not tell the model's shape"))
    model_type = next((value for key, value in _MODEL_TYPES.items() if key in name), None)
    if model_type is None:
        raise OutOfReach(f"no model_type is known for {row['model']}")
    values = {
        "model_type": model_type,
        "hidden_size": shape["hidden"],
        "num_hidden_layers": shape["layers"],
        "num_attention_heads": shape["heads"],
        "num_key_value_heads": shape.get("kv") or shape["heads"],
        "head_dim": shape.get("head_dim") or shape["hidden"] // shape["heads"],
        "intermediate_size": shape["inter"],
        "vocab_size": shape["vocab"],
        "tie_word_embeddings": bool(shape.get("tied")),
        "max_position_embeddings": 131072,
    }
    return BaseConfig.of(values | ({"sliding_window": None} if model_type == "mistral" else {}))


def _step(row: dict[str, Any]) -> TrainerStep:
    source, dtype, optimizer = row["source"].lower(), str(row["dtype"]).lower(), row["optimizer"].lower()
    extra = row["extra"]
    quantised = "nf4" in (row["quant"] or "")
    fms, peft, vramcalc = (word in source for word in ("fms-acceleration", "huggingface/peft", "vramcalc"))
    autocast = "autocast" in dtype
    flash = "flash" in row["attn"]
    return TrainerStep(
        base=BaseSettings(
            dtype=_dtype(dtype),
            quantization="nf4" if quantised else "none",
            attention="eager" if row["attn"].startswith("eager") else "sdpa",
        ),
        micro_batch_size=row["micro_batch"],
        seq_length=_length(row["seq_len"]),
        lora_rank=None if row["method"] == "full" else row["rank"],
        target_modules=_targets(row["targets"]),
        lora_dropout=float(extra.get("lora_dropout") or 0.0),
        use_dora=bool(extra.get("use_dora")) or row["method"] == "dora",
        optim=_optim(optimizer),
        gradient_checkpointing=bool(row["grad_ckpt"]),
        reentrant=fms,  # Trainer's default in those versions
        use_cache=peft,
        # transformers 4.53 to 4.57 make a mask for every step without a cache; peft pads its batches
        padded=not flash and not (fms or row["attn"].startswith("eager")),
        autocast=autocast,
        # SFTTrainer: prepare_model_for_kbit_training, then peft_module_casting_to_bf16
        upcast="norms" if "baseline-peft-bnb" in str(extra.get("framework")) else "none",
        outputs_until="next_step" if peft else "backward" if vramcalc else "forward",
        gradients_after="zero" if "set_to_none=false" in optimizer else "kept" if peft else "none",
        clips=not vramcalc,
        empties_cache=peft,
        first_seq_length=_ORDINARY_LENGTH if peft else None,
        copies_logits=_transformers_version(extra) < (4, 49),
        fused="fused" in optimizer,
    )


def _dtype(text: str) -> Dtype:
    if text.startswith(("fp32", "float32")):
        return "float32"
    return "float16" if text.startswith(("fp16", "float16")) else "bfloat16"


def _optim(text: str) -> Optim:
    if "8bit" not in text.replace("-", "").replace(" ", ""):
        return "adamw_torch"
    return "paged_adamw_8bit" if "paged" in text else "adamw_8bit"


def _length(text: Any) -> int:
    if isinstance(text, int):
        return text
    found = re.search(r"~(\d+)", text) or re.search(r"(\d+)", text)
    if found is None:
        raise OutOfReach(f"the length {text!r} is no number")
    return int(found[1])


def _targets(targets: Any) -> tuple[str, ...]:
    return tuple(targets) if isinstance(targets, list) else ("all-linear",)


def _transformers_version(extra: dict[str, Any]) -> tuple[int, ...]:
    found = re.search(r"transformers(\d+)\.(\d+)", str(extra.get("versions", "")))
    text = str(extra.get("transformers") or (".".join(found.groups()) if found else "5.0"))
    return tuple(int(part) for part in text.split(".")[:2])
