"""The whole flow on a tiny model: a report for each promotion, and nothing large left behind."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from sweeper.data.template import template_of
from sweeper.errors import InputError, ProofError, UnavailableError
from sweeper.events import CaseAnswer
from sweeper.models.load import Base
from sweeper.models.reference import BaseReference
from sweeper.models.weight_files import weights_sha256
from sweeper.promote import build, disk, merged_form
from sweeper.promote.adapter import LoraAdapter, read_adapter
from sweeper.promote.export import refuse_full_folder
from sweeper.promote.gate import GATE, Evidence, prove_gain, prove_kept
from sweeper.promote.greedy import GreedyModel
from sweeper.promote.promote import promote
from sweeper.promote.promotion import Lineage, PromotionRequest
from sweeper.promote.same_base import refuse_changed_base
from sweeper.space.promote_settings import GateSettings
from sweeper.space.space import PromoteSettings
from tests.promote.fake_ollama import FakeOllama, digest_of
from tests.promote.tiny import save_adapter, tiny_base, tiny_request
from tests.tiny_base import save_tiny_base


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return tiny_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def request_(base: Base, tmp_path: Path) -> PromotionRequest:
    return tiny_request(
        base,
        save_adapter(base, tmp_path / "adapter"),
        tmp_path,
        settings=PromoteSettings("bot", {"top_k": 3}, "Be kind."),
        live_name="me/bot:v1",
        may_replace=True,
    )


@pytest.fixture
def ollama(base: Base, monkeypatch: pytest.MonkeyPatch) -> FakeOllama:
    """Answers by whichever model the promotion merges."""
    template = template_of(base.tokenizer)
    fake = FakeOllama(template, GreedyModel(base.model, base.tokenizer, frozenset(), 5))
    load = merged_form.load_merged

    def load_and_show(*arguments: Any) -> GreedyModel:
        fake.model = load(*arguments)
        return fake.model

    monkeypatch.setattr(merged_form, "load_merged", load_and_show)
    return fake


def test_a_promotion_is_reported(request_: PromotionRequest, ollama: FakeOllama) -> None:
    steps: list[str] = []
    promotion = promote(request_, ollama, lambda step, share: steps.append(step))
    assert promotion.accepted
    assert promotion.name == "me/bot:v1"
    (model,) = promotion.models
    assert (model.previous_digest, model.digest) == (None, ollama.digest("me/bot:v1"))
    assert ollama.kept["me/bot:v1"]["system"] == "Be kind."
    assert promotion.parameters["top_k"] == 3
    assert all(proof.passed for proof in promotion.proofs)
    assert promotion.ollama_score == promotion.merged_score == 0.0
    assert list(dict.fromkeys(steps)) == list(promotion.step_seconds)
    (report,) = request_.reports.iterdir()
    assert report.name.endswith("-me_bot_v1.json")
    written = json.loads(report.read_text())
    assert written == json.loads(json.dumps(dataclasses.asdict(promotion)))
    assert [path.name for path in request_.work_dir.iterdir()] == ["converter.log"]


def test_a_refusal_is_reported_and_the_file_kept(request_: PromotionRequest, ollama: FakeOllama) -> None:
    ollama.kept["me/bot:v1"] = {"file": "old"}
    before = ollama.digest("me/bot:v1")
    ollama.answer_fault = lambda answer: dataclasses.replace(answer, prompt_tokens=99)
    with pytest.raises(ProofError) as error:
        promote(request_, ollama)
    assert str(error.value).startswith("me/bot:v1 stays as it was: prompt_eval_count = tokenizer's count: ")
    assert "\n" not in str(error.value)
    (report,) = request_.reports.glob("*.json")
    written = json.loads(report.read_text())
    assert not written["accepted"]
    assert written["models"][0]["previous_digest"] == before == ollama.digest("me/bot:v1")
    assert str(report) in str(error.value)
    assert (request_.work_dir / "model.gguf").is_file()

    ollama.answer_fault = lambda answer: answer
    assert promote(request_, ollama).accepted


def test_a_wrong_merge_never_reaches_ollama(
    request_: PromotionRequest, ollama: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_wrongly(folder: Path) -> LoraAdapter:
        adapter = read_adapter(folder)
        scales = {layer: 1.01 * scale for layer, scale in adapter.scales.items()}
        return dataclasses.replace(adapter, scales=scales)

    monkeypatch.setattr(build, "read_adapter", read_wrongly)
    with pytest.raises(ProofError, match="was not promoted: merged weights = base"):
        promote(request_, ollama)
    assert ollama.kept == {}
    assert len(list(request_.reports.iterdir())) == 1


def test_a_base_that_changed_since_training_is_refused(
    request_: PromotionRequest, ollama: FakeOllama, tmp_path: Path
) -> None:
    """One byte of its weights; the right ones pass, and so does a trial of which nothing is known."""
    folder = save_tiny_base(tmp_path / "trained-on")
    reference = BaseReference("./trained-on", str(folder), None)
    trained_on = Lineage("bot", 3, "./trained-on", base_sha256=weights_sha256(reference))
    request = dataclasses.replace(request_, base=reference, lineage=trained_on)
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(InputError, match=r"^model.base: ./trained-on: the base weights changed since train"):
        promote(request, ollama)
    assert ollama.kept == {}
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    refuse_changed_base(reference, trained_on.base_sha256)
    refuse_changed_base(reference, "")


def test_a_bad_name_is_refused_before_any_work(request_: PromotionRequest, ollama: FakeOllama) -> None:
    with pytest.raises(InputError, match="no name that Ollama takes"):
        promote(dataclasses.replace(request_, live_name="two words"), ollama)
    assert ollama.calls == 0
    assert not request_.work_dir.exists()


@pytest.mark.parametrize(
    ("where", "told"),
    [("work", "the merged model and its .gguf need "), ("store", "Ollama's copies of the model need ")],
)
def test_a_small_disk_is_told_before_anything_is_written_there(
    request_: PromotionRequest,
    ollama: FakeOllama,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    told: str,
) -> None:
    """Ours before the merge, and Ollama's before the upload."""
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "store"))
    (tmp_path / "store").mkdir()
    ollama.url = "http://127.0.0.1:1"
    uploads: list[Path] = []
    monkeypatch.setattr(ollama, "upload", lambda path, on_share: uploads.append(path))
    monkeypatch.setattr(disk, "free_bytes", lambda folder: 10**9 if where not in str(folder) else 9)
    with pytest.raises(UnavailableError) as error:
        promote(request_, ollama)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert (request_.work_dir / "merged").exists() is (where == "store")
    assert uploads == []
    assert ollama.kept == {}


def test_a_model_that_sweeper_did_not_make_is_asked_about(
    request_: PromotionRequest, ollama: FakeOllama
) -> None:
    ollama.kept["me/bot:v1"] = {"file": "theirs"}
    with pytest.raises(InputError, match="me/bot:v1: there is a model of this name that sweeper did not"):
        promote(dataclasses.replace(request_, may_replace=False), ollama)
    assert ollama.kept == {"me/bot:v1": {"file": "theirs"}}
    known = frozenset({digest_of({"file": "theirs"})})
    assert promote(dataclasses.replace(request_, may_replace=False, known_digests=known), ollama).accepted


def test_an_export_has_the_file_and_its_papers(
    request_: PromotionRequest, ollama: FakeOllama, tmp_path: Path
) -> None:
    lineage = Lineage("bot", 3, "org/base", {"data.train": "sha256:abc"}, "def")
    promotion = promote(dataclasses.replace(request_, export=tmp_path / "out", lineage=lineage), ollama)
    out = tmp_path / "out"
    assert hashlib.sha256((out / "model.gguf").read_bytes()).hexdigest() == promotion.gguf_sha256
    assert "PARAMETER top_k 3" in (out / "Modelfile").read_text()
    assert 'SYSTEM """Be kind."""' in (out / "Modelfile").read_text()
    card = (out / "README.md").read_text()
    assert "sweep `bot`, trial 3" in card
    assert promotion.gguf_sha256 in card
    refuse_full_folder(out)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"the folder holds other files \(notes.txt\)"):
        refuse_full_folder(out)


def evidence(base: int, trial: int) -> Evidence:
    """Of 20 cases so many are right."""

    def answers(right: int) -> tuple[CaseAnswer, ...]:
        return tuple(CaseAnswer(str(case), "", "", "", float(case < right)) for case in range(20))

    return Evidence("test", answers(base), answers(trial))


@pytest.mark.parametrize(("base", "trial", "min_gain", "passes"), [
    (0, 20, 0.0, True),
    (4, 16, 0.0, True),
    (4, 16, 0.6, False),
    (10, 12, 0.0, False),
    (12, 12, 0.0, False),
    (12, 12, -0.1, True),
    (16, 4, 0.0, False),
])  # fmt: skip
def test_the_gate_wants_a_gain_beyond_chance(base: int, trial: int, min_gain: float, passes: bool) -> None:
    proof = prove_gain(evidence(base, trial), GateSettings(min_gain=min_gain))
    assert proof.passed is passes
    assert f"base {base / 20:.3f}, trial {trial / 20:.3f}" in proof.detail


@pytest.mark.parametrize(
    ("base", "trial", "verdict", "passes"),
    [(20, 20, "kept", True), (20, 19, "unclear", True), (16, 18, "kept", True), (20, 10, "degraded", False)],
)
def test_a_trial_that_forgot_what_it_could_is_refused(
    base: int, trial: int, verdict: str, passes: bool
) -> None:
    proof = prove_kept(evidence(base, trial))
    assert proof.passed is passes
    assert f", {(trial - base) / 20:+.3f} with" in proof.detail
    assert proof.detail.endswith(f": {verdict}")


def test_the_gate_looks_at_guard_suites_too(request_: PromotionRequest, ollama: FakeOllama) -> None:
    forgot = dataclasses.replace(request_, evidence=evidence(0, 20), guards=(evidence(20, 5),))
    with pytest.raises(ProofError, match="not promoted: gate: has kept what the base can: test, 20 cases"):
        promote(forgot, ollama)
    assert ollama.kept == {}


def test_a_model_for_one_thing_may_lose_more(request_: PromotionRequest, ollama: FakeOllama) -> None:
    settings = dataclasses.replace(request_.settings, gate=GateSettings(max_guard_loss=0.8))
    narrow = dataclasses.replace(
        request_, settings=settings, evidence=evidence(0, 20), guards=(evidence(20, 5),)
    )
    assert promote(narrow, ollama).accepted


def test_what_the_gate_refuses_is_promoted_by_force_alone_and_the_report_says_so(
    request_: PromotionRequest, ollama: FakeOllama
) -> None:
    refused = dataclasses.replace(request_, evidence=evidence(12, 12))
    with pytest.raises(ProofError, match="was not promoted: gate: better than the base on test: test, 20"):
        promote(refused, ollama)
    assert ollama.kept == {}
    promotion = promote(dataclasses.replace(refused, is_forced=True), ollama)
    assert promotion.accepted
    assert promotion.is_forced
    assert [proof.name for proof in promotion.proofs if not proof.passed] == [GATE]


def test_force_does_not_pass_a_proof_of_identity(request_: PromotionRequest, ollama: FakeOllama) -> None:
    ollama.answer_fault = lambda answer: dataclasses.replace(answer, prompt_tokens=99)
    with pytest.raises(ProofError, match="prompt_eval_count"):
        promote(dataclasses.replace(request_, is_forced=True), ollama)
    assert ollama.kept == {}
