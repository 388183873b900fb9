"""An adapter beside its base in the real Ollama: held against PEFT, its base sent once, and the fault that
llama.cpp's converter makes of rslora refused."""

import copy
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import ProofError
from sweeper.models.load import Base
from sweeper.promote import finished_gguf
from sweeper.promote.adapter_probe import refuse_without_adapters, takes_adapters
from sweeper.promote.build import build
from sweeper.promote.candidate_source import base_name
from sweeper.promote.converter import convert_adapter_to_gguf, find_converter
from sweeper.promote.promotion import PromotionRequest
from sweeper.promote.publish import publish
from sweeper.promote.record import Record
from sweeper.serving.ollama import OllamaClient
from sweeper.space.promote_settings import GateSettings, Quantization
from tests.real.ollama_server import OLDER, ollama_server
from tests.real.smol import SETTINGS, SUITE, Promoted, new_record, save_adapter

FORM = dataclasses.replace(SETTINGS, form="adapter")
CASES = dataclasses.replace(SUITE, cases=SUITE.cases[:3], max_new_tokens=12)
LIVE = "smol-beside:latest"
QUANTIZED = dataclasses.replace(
    FORM, quantization=("q8_0",), gate=GateSettings(min_agreement=0.1, max_quantization_loss=1.0)
)


@pytest.fixture(scope="module")
def beside(smollm2: Base, ollama_client: OllamaClient, tmp_path_factory: pytest.TempPathFactory) -> Promoted:
    """Trained with rslora and a pattern of alphas: neither can be said in the adapter's .gguf file."""
    folder = tmp_path_factory.mktemp("beside")
    adapter = save_adapter(smollm2, folder / "adapter", use_rslora=True, alpha_pattern={"mlp.up_proj": 8})
    base = Base(smollm2.reference, copy.deepcopy(smollm2.model), smollm2.tokenizer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finished_gguf, "find_llama_server", lambda: None)  # the tokens are test_promotion's
        patch.setattr("sweeper.promote.adapter_form.shared_bases", lambda: folder / "bases")
        request = PromotionRequest(base, adapter, CASES, FORM, LIVE, folder / "work", folder / "reports")
        record = new_record(ollama_client, LIVE)
        built = build(request, record)
    publish(built, CASES, FORM, ollama_client, record)
    (model,) = record.models.values()
    assert model.digest is not None
    return Promoted(request, built, record, model.digest)


def next_record(
    beside: Promoted, client: OllamaClient, name: str, quantizations: tuple[Quantization, ...] = ("f16",)
) -> Record:
    """Of another promotion of the same files."""
    record = new_record(client, name, quantizations)
    record.gguf_sha256 = beside.record.gguf_sha256
    return record


def test_an_rslora_adapter_answers_beside_its_base(beside: Promoted, ollama_client: OllamaClient) -> None:
    for proof in beside.record.proofs:
        print(f"{proof.name}: {proof.detail}")
    print(beside.record.step_seconds)
    assert all(proof.passed for proof in beside.record.proofs)
    names = [proof.name for proof in beside.record.proofs]
    assert "answers = base + adapter's by PEFT" in names
    assert "logprobs = base + adapter's by PEFT" in names
    base = base_name(beside.record.gguf_sha256)
    prompt, options = beside.built.cases[0], {"temperature": 0, "num_predict": CASES.max_new_tokens}
    answers = [ollama_client.chat(name, prompt.messages, options).content for name in (LIVE, base)]
    assert answers[0] == beside.record.answers[0].merged
    assert answers[0] != answers[1]


def test_a_second_model_sends_its_adapter_alone(
    beside: Promoted, ollama_client: OllamaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Path] = []
    upload = OllamaClient.upload

    def upload_and_tell(client: OllamaClient, path: Path, *more: Any) -> str:
        sent.append(path)
        return upload(client, path, *more)

    monkeypatch.setattr(OllamaClient, "upload", upload_and_tell)
    record = next_record(beside, ollama_client, "smol-beside:second")
    publish(beside.built, CASES, FORM, ollama_client, record, is_dry=True)
    assert sent == [beside.built.adapter_gguf]


def test_a_quantised_base_with_the_adapter_is_held_against_f16(
    beside: Promoted, ollama_client: OllamaClient
) -> None:
    record = next_record(beside, ollama_client, "smol-beside:small", QUANTIZED.quantization)
    publish(beside.built, CASES, QUANTIZED, ollama_client, record)
    for proof in record.proofs:
        print(f"{proof.name}: {proof.detail}")
    (small,) = record.models.values()
    assert small.size_bytes < 0.6 * beside.record.gguf_bytes + beside.record.adapter_gguf_bytes


def test_rslora_that_is_converted_unscaled_is_refused_by_the_logits(
    beside: Promoted, ollama_client: OllamaClient, tmp_path: Path
) -> None:
    """As llama.cpp's converter leaves it when it is given the adapter as it is."""
    shutil.copytree(beside.request.adapter, tmp_path / "adapter")
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["use_rslora"]
    gguf, base = tmp_path / "adapter.gguf", beside.built.gguf.parent
    convert_adapter_to_gguf(find_converter(), tmp_path / "adapter", base, gguf, tmp_path / "log")
    record = next_record(beside, ollama_client, LIVE)
    with pytest.raises(ProofError):
        publish(dataclasses.replace(beside.built, adapter_gguf=gguf), CASES, FORM, ollama_client, record)
    for proof in record.proofs:
        print(f"{proof.name}: {proof.detail}")
    passed = {proof.name: proof.passed for proof in record.proofs}
    assert passed["rendered prompt = chat template's text"]
    assert not passed["logprobs = base + adapter's by PEFT"]
    assert ollama_client.digest(LIVE) == beside.digest


def test_an_older_ollama_answers_with_the_adapter_too(beside: Promoted, tmp_path: Path) -> None:
    with ollama_server(tmp_path, OLDER) as host:
        client = OllamaClient.connect(host)
        refuse_without_adapters(client)
        record = next_record(beside, client, LIVE)
        publish(beside.built, CASES, FORM, client, record)
        (model,) = record.models.values()
        assert client.digest(LIVE) == model.digest
    print(record.step_seconds, record.missing)
    assert [proof.name for proof in record.proofs if proof.passed] == [
        "prompt_eval_count = tokenizer's count",
        "answers = base + adapter's by PEFT",
        "done_reason",
    ]


def test_the_server_is_asked_whether_it_takes_adapters(
    ollama_client: OllamaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is, and as one that leaves adapters out and says nothing."""
    before = {model.name for model in ollama_client.models()}
    assert takes_adapters(ollama_client)
    create = OllamaClient.create

    def create_without(client: OllamaClient, model: str, **wanted: Any) -> None:
        create(client, model, **{**wanted, "adapter_digest": None})

    monkeypatch.setattr(OllamaClient, "create", create_without)
    assert not takes_adapters(ollama_client)
    assert {model.name for model in ollama_client.models()} == before
