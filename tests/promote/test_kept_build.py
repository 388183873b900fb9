"""What an earlier run has built is found again by hash; what was altered or truncated is made again."""

import dataclasses
import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import ProofError, SweepError
from sweeper.models.load import Base, load_base
from sweeper.models.reference import BaseReference
from sweeper.models.weight_files import weights_sha256
from sweeper.promote import finished_gguf, merged_form
from sweeper.promote.build import build
from sweeper.promote.promote import promote
from sweeper.promote.promotion import Lineage, PromotionRequest
from sweeper.promote.record import Record
from sweeper.serving.model_name import parse_model_name
from tests.promote.fake_ollama import FakeOllama
from tests.promote.tiny import CHAT, save_adapter, tiny_base, tiny_request


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return tiny_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def request_(base: Base, tmp_path: Path) -> PromotionRequest:
    return tiny_request(
        base.reference,
        save_adapter(base, tmp_path / "adapter"),
        tmp_path,
        chat_template=CHAT,
        lineage=Lineage("bot", 3, "tiny", base_sha256=weights_sha256(base.reference)),
    )


def built(request: PromotionRequest) -> tuple[Record, list[str]]:
    """The record, and what was told. Steps and notes both."""
    told: list[str] = []
    record = Record(parse_model_name("bot"), lambda step, share: told.append(step))
    build(request, record)
    return record, told


def test_what_was_built_is_taken_up_with_its_proofs(request_: PromotionRequest) -> None:
    first, _ = built(request_)
    second, told = built(request_)
    assert told == ["compare base", "find converter", "take up what an earlier run has built"]
    assert second.proofs == first.proofs
    assert second.gguf_sha256 == first.gguf_sha256 != ""
    assert (second.gguf_md5, second.gguf_bytes) == (first.gguf_md5, first.gguf_bytes)


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("name", "fault", "told"),
    [
        ("model.gguf", flip_a_byte, "model.gguf of an earlier run was altered (sha256 "),
        ("model.gguf", truncate, "model.gguf of an earlier run was altered (sha256 "),
        ("model.gguf", Path.unlink, "model.gguf of an earlier run is gone: made again"),
        ("merged/model.safetensors", flip_a_byte, "merged/model.safetensors of an earlier run was altered"),
    ],
)
def test_what_was_altered_is_told_and_made_again(
    request_: PromotionRequest, name: str, fault: Callable[[Path], None], told: str
) -> None:
    first, _ = built(request_)
    fault(request_.work_dir / name)
    second, steps = built(request_)
    assert [step for step in steps if step.startswith(told)], steps
    assert "merge" in steps
    assert second.gguf_sha256 == first.gguf_sha256


def test_another_adapter_template_or_base_is_built_anew(
    request_: PromotionRequest, base: Base, tmp_path: Path
) -> None:
    built(request_)
    other = save_adapter(base, tmp_path / "other", r=2)
    assert "merge" in built(dataclasses.replace(request_, adapter=other))[1]
    assert "merge" in built(request_)[1]
    assert "merge" in built(dataclasses.replace(request_, chat_template=CHAT + " "))[1]
    assert "merge" in built(dataclasses.replace(request_, lineage=None))[1]


def test_a_run_that_dies_as_it_builds_leaves_nothing_to_take_up(
    request_: PromotionRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(finished_gguf, "_prove_token_ids", die)
        with pytest.raises(KeyboardInterrupt):
            built(request_)
    assert (request_.work_dir / "model.gguf").is_file()
    assert "merge" in built(request_)[1]


class NeverSent(FakeOllama):
    """An Ollama that no file may reach."""

    def upload(self, path: Path, on_share: Any = None) -> str:
        raise AssertionError(f"{path.name} was sent")


@pytest.mark.parametrize("fault", [flip_a_byte, truncate])
def test_a_file_that_is_altered_before_its_upload_is_never_sent(
    request_: PromotionRequest,
    base: Base,
    fault: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And the next promotion makes it again, and says why."""
    from sweeper.promote import promote as promote_module

    def build_and_alter(request: PromotionRequest, record: Record) -> Any:
        found = build(request, record)
        fault(found.gguf)
        return found

    ollama: Any = NeverSent(None, None)  # type: ignore[arg-type]
    with monkeypatch.context() as patched:
        patched.setattr(promote_module, "build", build_and_alter)
        with pytest.raises(ProofError) as error:
            promote(request_, ollama)
    assert "the GGUF changed between its conversion (sha256 " in str(error.value)
    assert "\n" not in str(error.value)
    _, told = built(request_)
    assert any(step.startswith("model.gguf of an earlier run was altered") for step in told)


def test_base_and_merged_model_are_never_there_at_once(
    request_: PromotionRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[weakref.ref[Any]] = []
    alive: list[bool] = []
    load_merged = merged_form.load_merged

    def load_and_note(reference: BaseReference) -> Base:
        base = load_base(reference)
        loaded.append(weakref.ref(base.model))
        return base

    def look_and_load(*arguments: Any) -> Any:
        alive.extend(model() is not None for model in loaded)
        return load_merged(*arguments)

    monkeypatch.setattr(merged_form, "load_base", load_and_note)
    monkeypatch.setattr(merged_form, "load_merged", look_and_load)
    gc.disable()
    try:
        built(request_)
    finally:
        gc.enable()
    assert alive == [False]


def test_an_ollama_that_fails_costs_no_second_merge(request_: PromotionRequest) -> None:
    class Full(FakeOllama):
        def upload(self, path: Path, on_share: Any = None) -> str:
            raise SweepError("Ollama at http://fake failed at taking model.gguf: no space left on device.")

    ollama: Any = Full(None, None)  # type: ignore[arg-type]
    with pytest.raises(SweepError, match="no space left on device"):
        promote(request_, ollama)
    assert "merge" not in built(request_)[1]
