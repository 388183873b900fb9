"""SmolLM2 with a real adapter goes into a real Ollama, as its user wants it there."""

import dataclasses
from pathlib import Path

from sweeper.models.load import Base
from sweeper.promote.publish import publish
from sweeper.promote.swap import carry_out, next_swap, read_names, roll_back
from sweeper.serving.model_name import parse_model_name
from sweeper.serving.ollama import OllamaClient
from sweeper.space.space import PromoteSettings
from tests.real.smol import (
    BRIEF,
    LENIENT,
    LIVE,
    QUANTIZED,
    SETTINGS,
    STEADY,
    SUITE,
    Promoted,
    brief,
    new_record,
)


def test_the_adapter_answers_under_the_live_name(
    promoted: Promoted, smollm2: Base, ollama_client: OllamaClient
) -> None:
    for proof in promoted.record.proofs:
        print(f"{proof.name}: {proof.detail}")
    print(promoted.record.step_seconds)
    assert len(promoted.record.proofs) == 10
    assert promoted.record.missing == []
    assert all(proof.passed for proof in promoted.record.proofs)
    assert promoted.record.go_template is None
    assert ollama_client.digest("smol:latest-sweeper-candidate") is None

    prompt = promoted.built.cases[0]
    options = {"temperature": 0, "num_predict": SUITE.max_new_tokens}
    answer = ollama_client.chat("smol", prompt.messages, options)
    base = dataclasses.replace(promoted.built.merged, model=smollm2.model)
    assert answer.content == promoted.record.answers[0].merged
    assert answer.content != base.text(base.answer(prompt.token_ids).token_ids)


def test_a_plain_create_is_mended_by_a_derived_template(
    promoted: Promoted, plain_gguf: Path, ollama_client: OllamaClient
) -> None:
    record = new_record(ollama_client, "smol:derived")
    built = dataclasses.replace(brief(promoted.built), gguf=plain_gguf)
    publish(built, BRIEF, SETTINGS, ollama_client, record)
    assert record.go_template is not None
    assert all(proof.passed for proof in record.proofs)


def test_a_repeat_penalty_that_the_user_wants_is_no_fault(
    promoted: Promoted, ollama_client: OllamaClient
) -> None:
    settings = PromoteSettings("smol", {**SETTINGS.parameters, "repeat_penalty": 1.1, "stop": ["a"]}, None)
    record = new_record(ollama_client, "smol:penalty")
    publish(brief(promoted.built), BRIEF, settings, ollama_client, record)
    assert record.parameters["repeat_penalty"] == 1.1


def test_a_system_text_of_the_users_is_fed(promoted: Promoted, ollama_client: OllamaClient) -> None:
    from sweeper.data.template import template_of
    from sweeper.promote.prompts import case_prompts, probe_prompts

    template = template_of(promoted.built.merged.tokenizer)
    settings = dataclasses.replace(SETTINGS, system="Answer in French.")
    built = dataclasses.replace(
        brief(promoted.built),
        cases=tuple(case_prompts(template, BRIEF, settings.system)),
        probes=tuple(probe_prompts(template, settings.system)),
    )
    record = new_record(ollama_client, "smol:french")
    publish(built, BRIEF, settings, ollama_client, record)
    assert all(proof.passed for proof in record.proofs)


def test_quantised_models_are_made_and_held_against_f16(
    promoted: Promoted, ollama_client: OllamaClient
) -> None:
    record = new_record(ollama_client, "smol:small", QUANTIZED)
    publish(brief(promoted.built, STEADY), STEADY, LENIENT, ollama_client, record)
    for proof in record.proofs:
        print(f"{proof.name}: {proof.detail}")
    print(record.step_seconds)
    small, smaller = record.models.values()
    assert (small.name, smaller.name) == ("smol:small", "smol:small-q4_K_M")
    assert small.agreement is not None
    assert smaller.agreement is not None
    assert small.agreement >= smaller.agreement
    assert smaller.size_bytes < small.size_bytes < 0.6 * promoted.built.gguf.stat().st_size
    assert ollama_client.digest("smol:small") == small.digest


def test_what_ollama_does_not_quantise_is_made_by_llama_cpp(
    promoted: Promoted, ollama_client: OllamaClient
) -> None:
    settings = dataclasses.replace(LENIENT, quantization=("q6_K",))
    record = new_record(ollama_client, "smol:q6", ("q6_K",))
    publish(brief(promoted.built, STEADY), STEADY, settings, ollama_client, record)
    (model,) = record.models.values()
    print(model)
    assert "q6_K: close to f16" in [proof.name for proof in record.proofs if proof.passed]
    assert model.size_bytes < 0.6 * promoted.built.gguf.stat().st_size
    assert ollama_client.digest("smol:q6") == model.digest


def test_the_last_models_are_kept_and_come_back(promoted: Promoted, ollama_client: OllamaClient) -> None:
    name = parse_model_name("smol:kept")
    digests = []
    for temperature in (0.1, 0.2, 0.3, 0.4):
        ollama_client.create(str(name.candidate), from_model=LIVE, parameters={"temperature": temperature})
        carry_out(ollama_client, name, next_swap)
        digests.append(ollama_client.digest(str(name)))
    kept = read_names(ollama_client, name)
    assert [kept.live, kept.first, kept.second] == digests[:0:-1]
    roll_back(ollama_client, name)
    kept = read_names(ollama_client, name)
    assert [kept.live, kept.first, kept.second, kept.leaving] == [digests[2], digests[1], digests[3], None]
    answer = ollama_client.chat(str(name), promoted.built.cases[0].messages, {"num_predict": 2})
    assert answer.answer_tokens == 2
    ollama_client.delete(str(name.candidate))  # what is left over by others is told by other tests
