"""Faults planted between training and a real Ollama: each is refused there and changes no live name."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from sweeper.errors import ProofError
from sweeper.models.load import Base
from sweeper.promote import publish as publishing
from sweeper.promote.adapter import read_adapter
from sweeper.promote.greedy import GreedyModel
from sweeper.promote.merge import loaded_base, merge_adapter
from sweeper.promote.merge_proofs import prove_merge
from sweeper.promote.ollama_prompt import OWN_TEMPLATE
from sweeper.promote.publish import publish
from sweeper.promote.token_ids import prove_token_ids
from sweeper.scoring.suite import Suite
from sweeper.serving.llama_server import llama_server
from sweeper.serving.ollama import OllamaClient
from tests.real.ollama_server import ollama_build
from tests.real.smol import BRIEF, LENIENT, LIVE, STEADY, SUITE, Promoted, brief, new_record, refused


def test_a_plain_create_drops_the_system_text_and_is_refused(
    promoted: Promoted, plain_gguf: Path, ollama_client: OllamaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused(promoted, ollama_client, gguf=plain_gguf, options=(OWN_TEMPLATE,)) == {}

    monkeypatch.setattr(publishing, "choose_prompt", lambda *arguments: OWN_TEMPLATE)
    proofs = refused(promoted, ollama_client, gguf=plain_gguf)
    assert not proofs["rendered prompt = chat template's text"]
    assert not proofs["prompt_eval_count = tokenizer's count"]
    assert not proofs["answers = merged model's"]


def test_a_repeat_penalty_that_is_left_on_is_refused(
    promoted: Promoted, ollama_client: OllamaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_DEFAULTS", {"repeat_penalty": 1.1, "num_ctx": 4096})
    proofs = refused(promoted, ollama_client)
    assert proofs["rendered prompt = chat template's text"]
    assert proofs["prompt_eval_count = tokenizer's count"]
    assert not proofs["answers = merged model's"]


def test_text_split_by_another_rule_is_refused(
    promoted: Promoted, ollama_client: OllamaClient, tmp_path: Path
) -> None:
    gguf = tmp_path / "model.gguf"
    content = promoted.built.gguf.read_bytes()
    assert content.count(b"smollm") == 1
    gguf.write_bytes(content.replace(b"smollm", b"gpt-4o"))
    proofs = refused(promoted, ollama_client, gguf=gguf)
    assert proofs["rendered prompt = chat template's text"]
    assert not proofs["prompt_eval_count = tokenizer's count"]


def test_a_wrong_end_token_is_refused(
    promoted: Promoted, ollama_client: OllamaClient, tmp_path: Path
) -> None:
    """One that stands in the model's own answers, for llama.cpp ends at <|im_end|> by its text too."""
    from gguf import GGUFReader

    gguf, merged = tmp_path / "model.gguf", brief(promoted.built).merged
    own = [merged.answer(prompt.token_ids) for prompt in promoted.built.cases[: len(BRIEF.cases)]]
    early = next(answer.token_ids[2] for answer in own if not answer.ended)
    shutil.copyfile(promoted.built.gguf, gguf)
    field = GGUFReader(gguf, "r+").get_field("tokenizer.ggml.eos_token_id")
    assert field is not None
    field.parts[field.data[0]][0] = early
    proofs = refused(promoted, ollama_client, gguf=gguf)
    assert proofs["rendered prompt = chat template's text"]
    assert proofs["prompt_eval_count = tokenizer's count"]
    assert not proofs["answers = merged model's"]
    assert not proofs["done_reason"]


def test_another_model_behind_the_same_prompt_is_refused(
    promoted: Promoted, smollm2: Base, ollama_client: OllamaClient
) -> None:
    untrained = dataclasses.replace(brief(promoted.built).merged, model=smollm2.model)
    proofs = refused(promoted, ollama_client, merged=untrained)
    assert proofs["prompt_eval_count = tokenizer's count"]
    assert not proofs["answers = merged model's"]


@pytest.mark.parametrize("fault", ["scale off by 1 %", "one tensor off by 1 %", "two tensors swapped"])
def test_a_wrong_merge_is_refused(promoted: Promoted, smollm2: Base, fault: str, tmp_path: Path) -> None:
    adapter = read_adapter(promoted.request.adapter)
    if fault == "scale off by 1 %":
        scales = {layer: scale * 1.01 for layer, scale in adapter.scales.items()}
        adapter = dataclasses.replace(adapter, scales=scales)
    merge_adapter(loaded_base(smollm2), adapter, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    one, other = (f"model.layers.{layer}.mlp.up_proj.weight" for layer in (10, 11))
    if fault == "one tensor off by 1 %":
        weights[one] *= 1.01
    if fault == "two tensors swapped":
        weights[one], weights[other] = weights[other], weights[one]
    weights.setdefault("lm_head.weight", weights["model.embed_tokens.weight"])
    merged: GreedyModel = promoted.built.merged
    right = {name: value.clone() for name, value in merged.model.state_dict().items()}
    prompts = [prompt.token_ids for prompt in promoted.built.cases[:2]]
    try:
        merged.model.load_state_dict({name: value.float() for name, value in weights.items()})
        by_weights, by_logits = prove_merge(smollm2, promoted.request.adapter, merged.model, prompts)
    finally:
        merged.model.load_state_dict(right)
    print(by_weights.detail, "|", by_logits.detail)
    assert not by_weights.passed
    assert fault != "two tensors swapped" or not by_logits.passed


def test_a_garbage_quantisation_is_refused(
    promoted: Promoted, ollama_client: OllamaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a server that quantises wrongly would make one: the candidate's file is replaced by another's."""
    create = OllamaClient.create
    garbage = promoted.request.work_dir / "garbage.gguf"
    _scramble(promoted.built.gguf, garbage)

    def create_garbage(client: OllamaClient, model: str, **wanted: Any) -> None:
        if wanted.get("quantize"):
            wanted = {**wanted, "from_model": None, "file_digest": client.upload(garbage)}
        create(client, model, **wanted)

    monkeypatch.setattr(OllamaClient, "create", create_garbage)
    record = new_record(ollama_client, LIVE, ("q8_0",))
    with pytest.raises(ProofError, match="q8_0: "):
        publish(brief(promoted.built, STEADY), STEADY, LENIENT, ollama_client, record)
    failed = [proof.name for proof in record.proofs if not proof.passed]
    print([proof.detail for proof in record.proofs if not proof.passed])
    assert "q8_0: close to f16" in failed
    assert ollama_client.digest(LIVE) == promoted.digest


def _scramble(source: Path, target: Path) -> None:
    """The same file with the feed-forward weights of half of all layers in another order."""
    from gguf import GGUFReader

    shutil.copyfile(source, target)
    for tensor in GGUFReader(target, "r+").tensors:
        if "ffn_down" in tensor.name:
            tensor.data[:] = tensor.data[::-1].copy()


@pytest.mark.parametrize(
    ("tensor", "suite", "proof"),
    [
        ("output_norm.weight", BRIEF, "logprobs = merged model's"),
        ("blk.0.attn_q.weight", SUITE, "logprobs: each tensor's scale"),
    ],
)
def test_one_tensor_that_is_one_percent_off_is_seen_by_the_log_probabilities(
    promoted: Promoted, ollama_client: OllamaClient, tmp_path: Path, tensor: str, suite: Suite, proof: str
) -> None:
    """In the file alone, behind the proofs of the merge: every greedy answer is the same. The first is seen
    by the size of the differences, the second by the scale that is fitted to them alone."""
    from gguf import GGUFReader

    gguf = tmp_path / "scaled.gguf"
    shutil.copyfile(promoted.built.gguf, gguf)
    for each in GGUFReader(gguf, "r+").tensors:
        if each.name == tensor:
            each.data[:] = each.data * 1.01
    proofs = refused(promoted, ollama_client, suite, gguf=gguf)
    assert [name for name, passed in proofs.items() if not passed] == [proof]


def test_digits_that_are_not_split_are_seen_by_the_token_ids(promoted: Promoted, tmp_path: Path) -> None:
    """The known trap: transformers rebuilds SmolLM2's tokenizer from a .gguf without its rule for digits."""
    import copy

    from tokenizers import pre_tokenizers

    tokenizer = copy.deepcopy(promoted.built.merged.tokenizer)
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    program = ollama_build() / "lib" / "ollama" / "llama-server"
    with llama_server(program, promoted.built.gguf, tmp_path / "log") as server:
        proof = prove_token_ids(tokenizer, server.token_ids, is_sentencepiece=False, number=300)
    assert not proof.passed
