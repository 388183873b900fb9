"""Models of other makers' structure go through the converter and into the real Ollama, adapter and all.

They are tiny and random, with vocabularies that can be made here. Qwen's cannot: Qwen3 has SmolLM2's, and
Qwen2 is not here, for which transformers splits text by Qwen2's rule whatever the vocabulary.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    GemmaTokenizer,
    LlamaConfig,
    LlamaTokenizer,
    MistralConfig,
    OPTConfig,
    Phi3Config,
    PreTrainedConfig,
    Qwen3Config,
)

from sweeper.data.template import LINES_TEMPLATE
from sweeper.models.load import Base
from sweeper.models.reference import BaseReference, resolve_base
from sweeper.models.tokenizer import load_tokenizer
from sweeper.promote.architecture_probe import server_refusal
from sweeper.promote.converter import find_converter
from sweeper.promote.convertible import vocabulary_of
from sweeper.promote.promote import promote
from sweeper.promote.promotion import PromotionRequest
from sweeper.serving.ollama import OllamaClient
from sweeper.space.space import PromoteSettings
from tests.promote.tiny import save_adapter
from tests.real.conftest import SMOLLM2
from tests.real.ollama_server import OLDER, VERSION, ollama_server
from tests.real.vocabulary import SUITE, write_vocabulary

SIZES: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
}
GEMMA = {
    "add_dummy_prefix": False,
    **{"pad_id": 0, "eos_id": 1, "bos_id": 2, "unk_id": 3},
    **{"pad_piece": "<pad>", "eos_piece": "<eos>", "bos_piece": "<bos>"},
}


def sentencepiece(folder: Path) -> Any:
    return LlamaTokenizer.from_pretrained(write_vocabulary(folder), add_bos_token=True, legacy=True)


def gemma(folder: Path) -> Any:
    return GemmaTokenizer.from_pretrained(write_vocabulary(folder, **GEMMA))


def smollm2(folder: Path) -> Any:
    return load_tokenizer(resolve_base(SMOLLM2, Path.cwd()))


ARCHITECTURES: dict[str, tuple[type[PreTrainedConfig], dict[str, Any], Callable[[Path], Any]]] = {
    "Llama": (LlamaConfig, {}, sentencepiece),
    "Mistral": (MistralConfig, {"sliding_window": 256}, sentencepiece),
    "Phi-3": (Phi3Config, {"pad_token_id": 0, "eos_token_id": 2}, sentencepiece),
    "Gemma 3": (Gemma3TextConfig, {"head_dim": 16, "query_pre_attn_scalar": 16}, gemma),
    "Qwen3": (Qwen3Config, {"head_dim": 32}, smollm2),
}


def tiny_model(config: PreTrainedConfig, tokenizer: Any) -> Any:
    """Tokens that are no plain text are never likely: decoders write random bytes in different ways."""
    torch.manual_seed(0)
    model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32).requires_grad_(False).eval()
    texts = [tokenizer.decode([token]) for token in range(len(tokenizer))]
    special = set(tokenizer.all_special_ids)
    odd = [token for token, text in enumerate(texts) if token in special or not is_plain(text)]
    model.get_output_embeddings().weight.data[odd] = 0
    return model


def is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and "<" not in text


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_adapter_of_this_architecture_is_promoted(
    ollama_client: OllamaClient, tmp_path: Path, name: str
) -> None:
    kind, changes, tokenizer_of = ARCHITECTURES[name]
    tokenizer = tokenizer_of(tmp_path / "base")
    # As Gemma's own: its file does not say whether the begin token is added, which llama.cpp takes for yes.
    tokenizer.chat_template = ("{{ bos_token }}" if name == "Gemma 3" else "") + LINES_TEMPLATE
    config = kind(vocab_size=len(tokenizer), **{**SIZES, **changes})
    base = Base(BaseReference(name, str(tmp_path / "base"), None), tiny_model(config, tokenizer), tokenizer)
    adapter, settings = save_adapter(base, tmp_path / "adapter"), PromoteSettings("tiny", {}, None)
    work, reports = tmp_path / "work", tmp_path / "reports"
    request = PromotionRequest(base, adapter, SUITE, settings, "tiny", work, reports, may_replace=True)
    promotion = promote(request, ollama_client)
    for proof in promotion.proofs:
        print(f"{name}: {proof.name}: {proof.detail}")
    assert promotion.accepted
    assert "logprobs = merged model's" in [proof.name for proof in promotion.proofs]


def test_the_converter_says_beforehand_what_it_does_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converter = find_converter()
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path))
    tokenizer = sentencepiece(tmp_path / "base")
    for config, wanted in ((LlamaConfig(**SIZES, vocab_size=400), None), (OPTConfig(), "OPTForCausalLM")):
        config.save_pretrained(tmp_path / "base")
        reference = BaseReference("base", str(tmp_path / "base"), None)
        said = vocabulary_of(reference, tokenizer, converter).refusal
        assert said is None if wanted is None else said is not None and f"{wanted} is not supported" in said


@pytest.mark.parametrize("version", [VERSION, OLDER])
def test_ollama_says_beforehand_what_it_does_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """Before 0.30 another way of splitting text is taken for the default one."""
    converter = find_converter()
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "cache"))
    reference = resolve_base(SMOLLM2, tmp_path)
    right = vocabulary_of(reference, load_tokenizer(reference), converter).gguf
    faults = {"architecture": (b"llama", b"lxama"), "way of splitting": (b"smollm", b"smxllm")}
    for name, (known, unknown) in faults.items():
        (tmp_path / name).write_bytes(right.read_bytes().replace(known, unknown))
    monkeypatch.undo()  # the server's build lies in the cache
    with ollama_server(tmp_path, version) as host:
        client = OllamaClient.connect(host)
        assert server_refusal(client, right) is None
        assert server_refusal(client, tmp_path / "architecture") is not None
        split = server_refusal(client, tmp_path / "way of splitting")
        assert split is None if version == OLDER else "unknown pre-tokenizer" in str(split)
        assert client.models() == []
