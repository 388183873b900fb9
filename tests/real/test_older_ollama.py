"""SmolLM2 in an Ollama of before debug renders, log probabilities and Jinja."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import ProofError
from sweeper.promote.adapter_probe import takes_adapters
from sweeper.promote.ollama_prompt import OWN_TEMPLATE
from sweeper.promote.publish import publish
from sweeper.serving.instruments import instruments
from sweeper.serving.ollama import OllamaClient
from sweeper.space.promote_settings import Quantization
from tests.real.ollama_server import OLDER, ollama_server
from tests.real.smol import BRIEF, LENIENT, LIVE, QUANTIZED, SETTINGS, STEADY, Unpublished, brief, new_record

GARBAGE = "made-too-early:latest"


@pytest.fixture(scope="module")
def older_client(built: Unpublished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OllamaClient]:
    """An Ollama of before debug renders, log probabilities and Jinja.

    As long as it has loaded no model, it quantises into garbage: so GARBAGE is made first.
    """
    template = built.built.options[-1].go_template
    with ollama_server(tmp_path_factory.mktemp("older"), OLDER) as host:
        client = OllamaClient.connect(host)
        file, parameters = client.upload(built.built.gguf), SETTINGS.parameters
        client.create("plain", file_digest=file, template=template, parameters=parameters)
        client.create(GARBAGE, from_model="plain", parameters=parameters, quantize="q8_0")
        yield client


def test_an_older_ollama_takes_the_same_file_with_the_instruments_that_it_has(
    built: Unpublished, older_client: OllamaClient
) -> None:
    """At f16, q8_0 and q4_K_M. At 4 bits so small a model may run on where it should end, and is refused."""
    quantizations: tuple[Quantization, ...] = ("f16", *QUANTIZED)
    record = new_record(older_client, LIVE, quantizations)
    with contextlib.suppress(ProofError):
        publish(brief(built.built, STEADY), STEADY, LENIENT, older_client, record)
    for proof in record.proofs:
        print(f"{proof.name}: {proof.detail}")
    print(record.step_seconds, record.missing)
    failed = {proof.name for proof in record.proofs if not proof.passed}
    assert failed <= {"q4_K_M: ends where f16 does"}
    names = [proof.name for proof in record.proofs]
    assert names[:3] == ["prompt_eval_count = tokenizer's count", "answers = merged model's", "done_reason"]
    assert "q4_K_M: close to f16" in names
    assert not any("rendered" in name or "logprobs" in name for name in names)
    assert [missing.split(" (")[0] for missing in record.missing] == ["the prompt that it feeds", "logprobs"]
    assert record.go_template is not None
    assert [each.offered for each in instruments(older_client)] == [False, False, True, True]
    assert takes_adapters(older_client)
    for model in record.models.values():
        assert older_client.digest(model.name) == (None if failed else model.digest)


def test_what_a_fresh_older_ollama_quantises_is_garbage_and_refused(
    built: Unpublished, older_client: OllamaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own fault, and no made-up one: a promotion that did not have the f16 model answer first would
    get this file."""
    create = OllamaClient.create

    def create_too_early(client: OllamaClient, model: str, **wanted: Any) -> None:
        if wanted.get("quantize"):
            client.copy(GARBAGE, model)
        else:
            create(client, model, **wanted)

    monkeypatch.setattr(OllamaClient, "create", create_too_early)
    record = new_record(older_client, "smol:early", ("q8_0",))
    with pytest.raises(ProofError, match="q8_0: "):
        publish(brief(built.built, STEADY), STEADY, LENIENT, older_client, record)
    failed = [proof for proof in record.proofs if not proof.passed]
    print([proof.detail for proof in failed])
    assert "q8_0: close to f16" in [proof.name for proof in failed]
    assert older_client.digest("smol:early") is None


def test_a_dropped_system_text_is_refused_by_the_older_one_too(
    built: Unpublished, plain_gguf: Path, older_client: OllamaClient
) -> None:
    """It takes SmolLM2's template for one that it knows. Here the token counts tell."""
    record = new_record(older_client)
    plain = dataclasses.replace(brief(built.built), gguf=plain_gguf, options=(OWN_TEMPLATE,))
    with pytest.raises(ProofError, match=r"Ollama fed \d+ tokens, and the prompt has \d+"):
        publish(plain, BRIEF, SETTINGS, older_client, record)
