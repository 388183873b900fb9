"""The live name changes for a proven model only, and survives the death of this process at any call."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from sweeper.data.template import template_of
from sweeper.errors import ProofError, SweepError
from sweeper.promote.build import Built
from sweeper.promote.greedy import GreedyModel
from sweeper.promote.ollama_prompt import OWN_TEMPLATE, prompt_options
from sweeper.promote.prompts import case_prompts, probe_prompts
from sweeper.promote.publish import ollama_parameters, publish
from sweeper.promote.record import Record
from sweeper.scoring.suite import Case, Suite
from sweeper.serving.model_name import parse_model_name
from sweeper.space.space import PromoteSettings
from tests.promote.fake_ollama import FakeOllama, Killed
from tests.promote.tiny import tiny_base

LIVE, CANDIDATE = "bot:latest", "bot:latest-sweeper-candidate"
EARLIER = "bot:latest-sweeper-rollback-1"
OLD = {"file": "the old model"}
SUITE = Suite("test", Path("test"), tuple(Case(f"case {i}", f"Say {i}.", "", "yes") for i in range(3)), 6)
SETTINGS = PromoteSettings("bot", {}, None)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    base = tiny_base(folder)
    template = template_of(base.tokenizer)
    (folder / "model.gguf").write_bytes(b"GGUF")
    return Built(
        folder / "model.gguf",
        GreedyModel(
            base.model, base.tokenizer, frozenset({base.tokenizer.eos_token_id}), SUITE.max_new_tokens
        ),
        tuple(case_prompts(template, SUITE, None)),
        tuple(probe_prompts(template, None)),
        tuple(prompt_options(template, adds_bos=False)),
        None,
        256,
    )


def fake(built: Built) -> FakeOllama:
    ollama = FakeOllama(template_of(built.merged.tokenizer), built.merged)
    ollama.kept[LIVE] = OLD
    return ollama


def run(
    built: Built, ollama: FakeOllama, settings: PromoteSettings = SETTINGS, is_dry: bool = False
) -> Record:
    record = Record(parse_model_name("bot"), lambda step, share: None, settings.quantization)
    record.note_before(ollama)
    publish(built, SUITE, settings, ollama, record, is_dry=is_dry)
    return record


def test_a_proven_model_goes_live(built: Built) -> None:
    ollama = fake(built)
    record = run(built, ollama)
    assert ollama.kept.keys() == {LIVE, EARLIER}
    assert ollama.kept[EARLIER] == OLD
    assert ollama.kept[LIVE]["parameters"] == {"repeat_penalty": 1.0, "num_ctx": 256, "temperature": 0.7}
    assert [proof.passed for proof in record.proofs] == [True] * 5
    assert record.go_template is None
    assert [answer.merged for answer in record.answers] == [answer.ollama for answer in record.answers]


def test_the_users_parameters_come_first() -> None:
    settings = PromoteSettings("bot", {"temperature": 0.2, "top_k": 5}, None)
    assert ollama_parameters(settings, None) == {
        "repeat_penalty": 1.0,
        "num_ctx": 4096,
        "temperature": 0.2,
        "top_k": 5,
    }


def without_system(text: str) -> str:
    return text.replace("[system]Be brief.<end>", "")


def test_a_server_that_drops_the_system_text_gets_a_derived_template(built: Built) -> None:
    ollama = fake(built)
    ollama.render_fault = without_system
    assert run(built, ollama).go_template == built.options[1].go_template
    assert ollama.kept[LIVE]["template"] == built.options[1].go_template


def test_an_old_server_shows_little_and_gets_a_derived_template_by_its_token_counts(built: Built) -> None:
    ollama = fake(built)
    ollama.shows_nothing = True
    record = run(built, ollama)
    assert record.go_template == built.options[1].go_template
    assert [proof.name for proof in record.proofs] == [
        "prompt_eval_count = tokenizer's count",
        "answers = merged model's",
        "done_reason",
    ]
    assert [missing.split(" (")[0] for missing in record.missing] == ["the prompt that it feeds", "logprobs"]
    only_own = dataclasses.replace(built, options=(OWN_TEMPLATE,))
    with pytest.raises(ProofError, match="3 of 3 differ; case 0: Ollama fed "):
        run(only_own, ollama)


def test_where_no_template_helps_the_live_name_stays(built: Built) -> None:
    ollama = fake(built)
    ollama.render_fault = without_system
    only_own = dataclasses.replace(built, options=(OWN_TEMPLATE,))
    with pytest.raises(ProofError, match=r"case 0: .* is wanted"):
        run(only_own, ollama)
    assert ollama.kept == {LIVE: OLD}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prompt_tokens": 1}, "prompt_eval_count"),
        ({"content": "no"}, "answers = merged model's: 3 of 3 differ; case 0: 'no' where"),
        ({"done_reason": ""}, "done_reason: 3 of 3 differ"),
    ],
)
def test_a_wrong_answer_leaves_the_live_name(built: Built, change: dict[str, Any], reason: str) -> None:
    ollama = fake(built)
    ollama.answer_fault = lambda answer: dataclasses.replace(answer, **change)
    with pytest.raises(ProofError, match=reason):
        run(built, ollama)
    assert ollama.kept == {LIVE: OLD}


def test_a_failing_server_leaves_the_live_name(built: Built) -> None:
    ollama = fake(built)

    def fail(answer: Any) -> Any:
        raise SweepError("Ollama broke off")

    ollama.answer_fault = fail
    with pytest.raises(SweepError, match="Ollama broke off"):
        run(built, ollama)
    assert ollama.kept == {LIVE: OLD}


def test_a_copy_that_gave_another_model_is_told(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    ollama = fake(built)
    monkeypatch.setattr(ollama, "copy", lambda source, destination: None)
    with pytest.raises(ProofError, match="after the copy"):
        run(built, ollama)


def test_somebody_elses_change_meanwhile_is_not_lost(built: Built) -> None:
    ollama = fake(built)

    def change(answer: Any) -> Any:
        ollama.kept[LIVE] = {"file": "theirs"}
        return answer

    ollama.answer_fault = change
    with pytest.raises(ProofError, match="bot:latest was changed by somebody else"):
        run(built, ollama)
    assert ollama.kept == {LIVE: {"file": "theirs"}}


def test_a_dry_run_proves_all_and_changes_nothing(built: Built) -> None:
    ollama = fake(built)
    record = run(built, ollama, is_dry=True)
    assert [proof.passed for proof in record.proofs] == [True] * 5
    assert ollama.kept == {LIVE: OLD}


def test_a_file_that_changed_since_its_conversion_is_refused(built: Built) -> None:
    ollama = fake(built)
    record = Record(parse_model_name("bot"), lambda step, share: None)
    record.note_before(ollama)
    record.gguf_sha256 = "0" * 64
    with pytest.raises(ProofError, match="the GGUF changed between its conversion"):
        publish(built, SUITE, SETTINGS, ollama, record)
    assert ollama.kept == {LIVE: OLD}


QUANTIZED = dataclasses.replace(SETTINGS, quantization=("q8_0", "q4_K_M"), license="MIT")


def test_each_quantization_gets_its_name_and_is_made_of_the_proven_file(built: Built) -> None:
    ollama = fake(built)
    record = run(built, ollama, QUANTIZED)
    assert ollama.kept.keys() == {LIVE, EARLIER, "bot:q4_K_M"}
    assert ollama.kept[LIVE]["quantize"] == "q8_0"
    assert ollama.kept["bot:q4_K_M"]["quantize"] == "q4_K_M"
    assert ollama.kept[LIVE]["license"] == "MIT"
    assert [(model.score, model.agreement) for model in record.models.values()] == [(0.0, 1.0)] * 2
    assert [proof.name for proof in record.proofs if "close" in proof.name] == [
        "q8_0: close to f16",
        "q4_K_M: close to f16",
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prompt_tokens": 1}, "q8_0: prompt_eval_count"),
        ({"content": "garbage"}, "q8_0: close to f16: .* 0% of the answers are the same"),
    ],
)
def test_a_quantization_that_answers_otherwise_is_refused(
    built: Built, change: dict[str, Any], reason: str
) -> None:
    ollama = fake(built)
    ollama.quantized_fault = lambda answer: dataclasses.replace(answer, **change)
    with pytest.raises(ProofError, match=reason):
        run(built, ollama, QUANTIZED)
    assert ollama.kept == {LIVE: OLD}


@pytest.mark.parametrize("die_after_doing", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("settings", [SETTINGS, QUANTIZED], ids=["one name", "two names"])
def test_death_at_any_call_leaves_the_old_model_or_the_new(
    built: Built, settings: PromoteSettings, die_after_doing: bool
) -> None:
    whole = fake(built)
    run(built, whole, settings)
    new = whole.kept[LIVE]
    seen = set()
    for call in range(1, whole.calls + 1):
        ollama = fake(built)
        ollama.die_at, ollama.die_after_doing = call, die_after_doing
        with pytest.raises(Killed):
            run(built, ollama, settings)
        assert ollama.kept[LIVE] in (OLD, new)
        seen.add(ollama.kept[LIVE] == new)
        ollama.die_at = None
        run(built, ollama, settings)
        assert ollama.kept == whole.kept
    assert seen == {False, True}
