"""SmolLM2 with a real adapter goes into a real Ollama, and every planted fault is refused there."""

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from sweeper.errors import ProofError
from sweeper.models.load import Base
from sweeper.promote import publish as publishing
from sweeper.promote.adapter import read_adapter
from sweeper.promote.adapter_probe import takes_adapters
from sweeper.promote.build import build
from sweeper.promote.converter import convert_to_gguf, find_converter
from sweeper.promote.greedy import GreedyModel
from sweeper.promote.merge import loaded_base, merge_adapter
from sweeper.promote.merge_proofs import prove_merge
from sweeper.promote.ollama_prompt import OWN_TEMPLATE
from sweeper.promote.promotion import PromotionRequest
from sweeper.promote.publish import publish
from sweeper.promote.swap import carry_out, next_swap, read_names, roll_back
from sweeper.promote.token_ids import prove_token_ids
from sweeper.serving.instruments import instruments
from sweeper.serving.llama_server import llama_server
from sweeper.serving.model_name import parse_model_name
from sweeper.serving.ollama import OllamaClient
from sweeper.space.promote_settings import GateSettings, Quantization
from sweeper.space.space import PromoteSettings
from tests.real.ollama_server import OLDER, ollama_build, ollama_server
from tests.real.smol import LIVE, SETTINGS, SUITE, Promoted, new_record, refused, save_adapter


@pytest.fixture(scope="module", autouse=True)
def _all_cores() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(torch.multiprocessing.cpu_count())
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def promoted(
    smollm2: Base, ollama_client: OllamaClient, tmp_path_factory: pytest.TempPathFactory
) -> Promoted:
    folder = tmp_path_factory.mktemp("promotion")
    adapter = save_adapter(smollm2, folder / "adapter")
    work, reports = folder / "work", folder / "reports"
    request = PromotionRequest(smollm2, adapter, SUITE, SETTINGS, LIVE, work, reports)
    record = new_record(ollama_client)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{ollama_build() / 'bin'}{os.pathsep}{os.environ['PATH']}")
        built = build(request, record)
    publish(built, SUITE, SETTINGS, ollama_client, record)
    (model,) = record.models.values()
    assert model.digest is not None
    return Promoted(request, built, record, model.digest)


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


@pytest.fixture(scope="module")
def plain_gguf(promoted: Promoted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model converted as it is, as one would by hand."""
    folder = tmp_path_factory.mktemp("plain")
    shutil.copytree(promoted.request.work_dir / "merged", folder / "merged")
    template = promoted.built.merged.tokenizer.chat_template
    (folder / "merged" / "chat_template.jinja").write_text(template)
    convert_to_gguf(find_converter(), folder / "merged", folder / "plain.gguf", folder / "log")
    return folder / "plain.gguf"


def test_a_plain_create_drops_the_system_text_and_is_refused(
    promoted: Promoted, plain_gguf: Path, ollama_client: OllamaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused(promoted, ollama_client, gguf=plain_gguf, options=(OWN_TEMPLATE,)) == {}

    monkeypatch.setattr(publishing, "choose_prompt", lambda *arguments: OWN_TEMPLATE)
    proofs = refused(promoted, ollama_client, gguf=plain_gguf)
    assert not proofs["rendered prompt = chat template's text"]
    assert not proofs["prompt_eval_count = tokenizer's count"]
    assert not proofs["answers = merged model's"]


def test_a_plain_create_is_mended_by_a_derived_template(
    promoted: Promoted, plain_gguf: Path, ollama_client: OllamaClient
) -> None:
    record = new_record(ollama_client, "smol:derived")
    publish(dataclasses.replace(promoted.built, gguf=plain_gguf), SUITE, SETTINGS, ollama_client, record)
    assert record.go_template is not None
    assert all(proof.passed for proof in record.proofs)


def test_a_repeat_penalty_that_is_left_on_is_refused(
    promoted: Promoted, ollama_client: OllamaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_DEFAULTS", {"repeat_penalty": 1.1, "num_ctx": 4096})
    proofs = refused(promoted, ollama_client)
    assert proofs["rendered prompt = chat template's text"]
    assert proofs["prompt_eval_count = tokenizer's count"]
    assert not proofs["answers = merged model's"]


def test_a_repeat_penalty_that_the_user_wants_is_no_fault(
    promoted: Promoted, ollama_client: OllamaClient
) -> None:
    settings = PromoteSettings("smol", {"repeat_penalty": 1.1, "stop": ["a"]}, None)
    record = new_record(ollama_client, "smol:penalty")
    publish(promoted.built, SUITE, settings, ollama_client, record)
    assert record.parameters["repeat_penalty"] == 1.1


def test_a_system_text_of_the_users_is_fed(promoted: Promoted, ollama_client: OllamaClient) -> None:
    from sweeper.data.template import template_of
    from sweeper.promote.prompts import case_prompts, probe_prompts

    template = template_of(promoted.built.merged.tokenizer)
    settings = PromoteSettings("smol", {}, "Answer in French.")
    built = dataclasses.replace(
        promoted.built,
        cases=tuple(case_prompts(template, SUITE, settings.system)),
        probes=tuple(probe_prompts(template, settings.system)),
    )
    record = new_record(ollama_client, "smol:french")
    publish(built, SUITE, settings, ollama_client, record)
    assert all(proof.passed for proof in record.proofs)


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


def test_another_model_behind_the_same_prompt_is_refused(
    promoted: Promoted, smollm2: Base, ollama_client: OllamaClient
) -> None:
    untrained = dataclasses.replace(promoted.built.merged, model=smollm2.model)
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


QUANTIZED: tuple[Quantization, ...] = ("q8_0", "q4_K_M")
LENIENT = dataclasses.replace(
    SETTINGS, quantization=QUANTIZED, gate=GateSettings(min_agreement=0.1, max_quantization_loss=1.0)
)


def test_quantised_models_are_made_and_held_against_f16(
    promoted: Promoted, ollama_client: OllamaClient
) -> None:
    record = new_record(ollama_client, "smol:small", QUANTIZED)
    publish(promoted.built, SUITE, LENIENT, ollama_client, record)
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


GARBAGE = "made-too-early:latest"


@pytest.fixture(scope="module")
def older_client(promoted: Promoted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OllamaClient]:
    """An Ollama of before debug renders, log probabilities and Jinja.

    As long as it has loaded no model, it quantises into garbage: so GARBAGE is made first.
    """
    template = promoted.built.options[-1].go_template
    with ollama_server(tmp_path_factory.mktemp("older"), OLDER) as host:
        client = OllamaClient.connect(host)
        client.create("plain", file_digest=client.upload(promoted.built.gguf), template=template)
        client.create(GARBAGE, from_model="plain", quantize="q8_0")
        yield client


def test_an_older_ollama_takes_the_same_file_with_the_instruments_that_it_has(
    promoted: Promoted, older_client: OllamaClient
) -> None:
    """At f16, q8_0 and q4_K_M. At 4 bits so small a model may run on where it should end, and is refused."""
    quantizations: tuple[Quantization, ...] = ("f16", *QUANTIZED)
    record = new_record(older_client, LIVE, quantizations)
    with contextlib.suppress(ProofError):
        publish(promoted.built, SUITE, LENIENT, older_client, record)
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
    promoted: Promoted, older_client: OllamaClient, monkeypatch: pytest.MonkeyPatch
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
        publish(promoted.built, SUITE, LENIENT, older_client, record)
    failed = [proof for proof in record.proofs if not proof.passed]
    print([proof.detail for proof in failed])
    assert "q8_0: close to f16" in [proof.name for proof in failed]
    assert older_client.digest("smol:early") is None


def test_a_dropped_system_text_is_refused_by_the_older_one_too(
    promoted: Promoted, plain_gguf: Path, older_client: OllamaClient
) -> None:
    """It takes SmolLM2's template for one that it knows. Here the token counts tell."""
    record = new_record(older_client)
    plain = dataclasses.replace(promoted.built, gguf=plain_gguf, options=(OWN_TEMPLATE,))
    with pytest.raises(ProofError, match=r"Ollama fed \d+ tokens, and the prompt has \d+"):
        publish(plain, SUITE, SETTINGS, older_client, record)


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
        publish(promoted.built, SUITE, LENIENT, ollama_client, record)
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


@pytest.mark.parametrize("tensor", ["output_norm.weight", "blk.0.attn_q.weight"])
def test_one_tensor_that_is_one_percent_off_is_seen_by_the_log_probabilities(
    promoted: Promoted, ollama_client: OllamaClient, tmp_path: Path, tensor: str
) -> None:
    """In the file alone, behind the proofs of the merge: every greedy answer is the same. The first is seen
    by the size of the differences, the second by the scale that is fitted to them alone."""
    from gguf import GGUFReader

    gguf = tmp_path / "scaled.gguf"
    shutil.copyfile(promoted.built.gguf, gguf)
    for each in GGUFReader(gguf, "r+").tensors:
        if each.name == tensor:
            each.data[:] = each.data * 1.01
    proofs = refused(promoted, ollama_client, gguf=gguf)
    assert proofs["rendered prompt = chat template's text"]
    assert proofs["logprobs = merged model's"] is (tensor != "output_norm.weight")
    assert not proofs["logprobs: each tensor's scale"]


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
