"""Prompts of other kinds of models in the real Ollama: begin tokens, derived Go templates, plain lines.

The models are tiny and random: what is tried is the text and its tokens, from end to end.
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.data.template import LINES_TEMPLATE, template_of
from sweeper.errors import ProofError
from sweeper.models.load import Base
from sweeper.models.reference import BaseReference
from sweeper.promote import finished_gguf
from sweeper.promote.ollama_prompt import derive_go_template
from sweeper.promote.promote import promote
from sweeper.promote.promotion import Promotion, PromotionRequest
from sweeper.promote.prompts import probe_prompts
from sweeper.serving.ollama import OllamaClient
from sweeper.space.space import PromoteSettings
from tests.promote.tiny import save_adapter
from tests.real.vocabulary import SUITE, write_vocabulary

WITH_BOS = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m['role'] == 'system' %}{{ '<<SYS>>' + m['content'] + '\\n' }}"
    "{% elif m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}"
)
HEADERS = (
    "{% for m in messages %}"
    "{{ '<|head|>' + m['role'] + '<|/head|>\\n\\n' + m['content'] + '<|eot|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|head|>assistant<|/head|>\\n\\n' }}{% endif %}"
)
DEFAULT_SYSTEM = (
    "{% if messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nYou are \"kind\" \\\\ Größe.<|im_end|>\\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a SentencePiece vocabulary."""
    return write_vocabulary(tmp_path_factory.mktemp("sentencepiece"))


@pytest.fixture(scope="module")
def tiny(vocabulary: Path) -> Base:
    """A Llama whose tokenizer puts a begin token in front of every text, and a blank behind every
    special token, as llama.cpp does."""
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaTokenizer

    tokenizer = LlamaTokenizer.from_pretrained(vocabulary, add_bos_token=True, legacy=True)
    torch.manual_seed(0)
    llama = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=512,
            initializer_range=0.2,
        )
    )
    # Bytes at random are no text, and decoders write them in different ways.
    llama.lm_head.weight.data[tokenizer.convert_tokens_to_ids([f"<0x{i:02X}>" for i in range(256)])] = 0
    return Base(BaseReference("tiny", str(vocabulary), None), llama.requires_grad_(False).eval(), tokenizer)


def promoted(tiny: Base, chat_template: str, client: OllamaClient, folder: Path) -> Promotion:
    tiny.tokenizer.chat_template = chat_template
    adapter = save_adapter(tiny, folder / "adapter")
    settings = PromoteSettings("tiny", {}, None)
    work, reports = folder / "work", folder / "reports"
    request = PromotionRequest(tiny, adapter, SUITE, settings, "tiny", work, reports, may_replace=True)
    return promote(request, client)


@pytest.mark.parametrize(
    "chat_template", [LINES_TEMPLATE, WITH_BOS], ids=["writes no begin token", "writes a begin token"]
)
def test_the_begin_token_is_fed_as_often_as_the_template_writes_it(
    tiny: Base, ollama_client: OllamaClient, tmp_path: Path, chat_template: str
) -> None:
    ids = tiny.tokenizer("A cup")["input_ids"]
    assert ids[0] == tiny.tokenizer.bos_token_id
    promotion = promoted(tiny, chat_template, ollama_client, tmp_path)
    assert promotion.accepted
    assert promotion.go_template is None
    for proof in promotion.proofs:
        print(f"{proof.name}: {proof.detail}")


def test_a_begin_token_too_many_is_refused(
    tiny: Base, ollama_client: OllamaClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finished_gguf, "stop_adding_bos", lambda gguf: None)
    with pytest.raises(ProofError, match="case 0: Ollama fed 23 tokens, and the prompt has 22"):
        promoted(tiny, LINES_TEMPLATE, ollama_client, tmp_path)


def test_a_tokenizer_that_puts_no_blank_where_llama_cpp_does_is_refused(
    tiny: Base, vocabulary: Path, ollama_client: OllamaClient, tmp_path: Path
) -> None:
    from transformers import LlamaTokenizer

    tokenizer = LlamaTokenizer.from_pretrained(vocabulary, add_bos_token=True, legacy=False)
    with pytest.raises(ProofError, match="prompt_eval_count = tokenizer's count: 6 of 6 differ"):
        promoted(Base(tiny.reference, tiny.model, tokenizer), WITH_BOS, ollama_client, tmp_path)


@pytest.mark.parametrize(
    "chat_template",
    [LINES_TEMPLATE, WITH_BOS, HEADERS, DEFAULT_SYSTEM],
    ids=["lines", "begin token", "headers", "default system text"],
)
def test_a_derived_template_renders_as_the_chat_template(
    tiny: Base, ollama_client: OllamaClient, tmp_path: Path, chat_template: str
) -> None:
    if ollama_client.digest("tiny:latest") is None:
        promoted(tiny, LINES_TEMPLATE, ollama_client, tmp_path)
    tiny.tokenizer.chat_template = chat_template
    template: Any = template_of(tiny.tokenizer)
    go_template = derive_go_template(template)
    assert go_template is not None
    ollama_client.create("derived", from_model="tiny", template=go_template)
    prompts = probe_prompts(template, None)
    assert len(prompts) == 3
    for prompt in prompts:
        assert ollama_client.render("derived", prompt.messages) == prompt.text
