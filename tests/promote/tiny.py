"""A tiny base with a chat template, a real PEFT adapter for it, and the promotion of the two."""

from pathlib import Path
from typing import Any

import torch

from sweeper.models.load import Base, load_base
from sweeper.models.reference import BaseReference
from sweeper.promote.promotion import PromotionRequest
from sweeper.scoring.suite import Case, Suite
from sweeper.space.space import PromoteSettings
from tests.tiny_base import save_tiny_base

CHAT = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    "{{ '[system]Be brief.<end>' }}{% endif %}"
    "{{ '[' + message['role'] + ']' + message['content'] + '<end>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}"
)
"""ChatML in small: with a default system text."""

STUB = """
import sys
from gguf import GGUFWriter
writer = GGUFWriter(sys.argv[sys.argv.index("--outfile") + 1], "llama")
writer.add_tokenizer_model("gpt2")
writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
"""
"""Stands for llama.cpp's converter, which does not know the tiny tokenizer."""
SUITE = Suite("test", Path("test"), tuple(Case(f"case {i}", f"Say {i}.", "", "yes") for i in range(2)), 5)


def tiny_base(folder: Path, tied: bool = False) -> Base:
    """Loads what save_tiny_base saves, with a chat template."""
    from transformers import LlamaForCausalLM

    base = load_base(BaseReference("tiny", str(save_tiny_base(folder)), None))
    if tied:
        torch.manual_seed(0)
        config = base.model.config
        config.tie_word_embeddings = True
        model = LlamaForCausalLM(config).requires_grad_(False).eval()
        base = Base(base.reference, model, base.tokenizer)
    base.tokenizer.chat_template = CHAT
    return base


def save_adapter(base: Base, folder: Path, **changes: Any) -> Path:
    """A PEFT adapter with random A and B, as training would leave it. The base is left without it."""
    from peft import LoraConfig, get_peft_model

    settings: dict[str, Any] = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", **changes}
    torch.manual_seed(1)
    model = get_peft_model(base.model, LoraConfig(**settings))
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)
    model.unload()
    base.model.requires_grad_(False)
    return folder


def tiny_request(base: Base | BaseReference, adapter: Path, folder: Path, **changes: Any) -> PromotionRequest:
    """A promotion of `adapter` to bot:latest by STUB. All that it writes lies in `folder`."""
    (folder / "convert_hf_to_gguf.py").write_text(STUB)
    plain: dict[str, Any] = {
        "suite": SUITE,
        "settings": PromoteSettings("bot", {}, None),
        "live_name": "bot",
        "work_dir": folder / "work",
        "reports": folder / "promotions",
        "converter": folder,
    }
    return PromotionRequest(base, adapter, **{**plain, **changes})
