"""What Ollama does not quantise is made by llama.cpp of the proven file, or refused before any work."""

import dataclasses
from pathlib import Path

import pytest

from sweeper.errors import InputError, ProofError, UnavailableError
from sweeper.promote import disk, quantizer
from sweeper.promote.build import Built
from sweeper.promote.quantizer import quantised_file, refuse_without_quantizer
from sweeper.serving.llama_quantize import Quantizer
from sweeper.serving.ollama import ChatAnswer
from sweeper.space.promote_settings import QUANTIZATIONS
from tests.promote.test_publish import LIVE, OLD, SETTINGS, built, fake, run

__all__ = ["built"]

MIXED = dataclasses.replace(SETTINGS, quantization=("q5_K_M", "q8_0", "iq4_xs"), license="MIT")


@pytest.fixture
def quantising(tmp_path: Path) -> Quantizer:
    """Stands for llama-quantize: writes the type that it was asked for."""
    script = tmp_path / "llama-quantize"
    script.write_text('#!/bin/sh\nprintf "$3 of $(cat "$1")" > "$2"\n')
    script.chmod(0o755)
    return Quantizer((str(script),))


def test_each_is_made_by_whoever_can_and_proven_alike(built: Built, quantising: Quantizer) -> None:
    ollama = fake(built)
    record = run(dataclasses.replace(built, quantizer=quantising), ollama, MIXED)
    assert "quantize" not in ollama.kept[LIVE]
    assert ollama.kept["bot:q8_0"]["quantize"] == "q8_0"
    files = {name: made["file"] for name, made in ollama.kept.items() if "file" in made}
    assert len({files[LIVE], files["bot:q8_0"], files["bot:iq4_xs"]}) == 3
    same = ("parameters", "license", "system", "template")
    assert all(ollama.kept[LIVE].get(key) == ollama.kept["bot:q8_0"].get(key) for key in same)
    names = [proof.name for proof in record.proofs]
    for kind in ("rendered prompt = chat template's text", "prompt_eval_count", "close to f16"):
        each = [name.split(": ")[0] for name in names if kind in name and ": " in name]
        assert each == ["q5_K_M", "q8_0", "iq4_xs"]
    assert [path.name for path in built.gguf.parent.glob("model*.gguf")] == ["model.gguf"]


def test_a_file_that_was_altered_after_its_proofs_is_not_quantised(
    built: Built, quantising: Quantizer, tmp_path: Path
) -> None:
    """It changes while the f16 candidate answers."""
    ollama, gguf = fake(built), tmp_path / "model.gguf"
    gguf.write_bytes(b"GGUF")

    def alter(text: str) -> str:
        gguf.write_bytes(b"GGUG")
        return text

    ollama.render_fault = alter
    with pytest.raises(ProofError, match="the GGUF changed between its conversion"):
        run(dataclasses.replace(built, quantizer=quantising, gguf=gguf), ollama, MIXED)
    assert ollama.kept == {LIVE: OLD}


def test_a_quantization_that_answers_otherwise_is_refused(built: Built, quantising: Quantizer) -> None:
    """The second proof of the kind is the quantised one's: until then all answers are right."""
    ollama = fake(built)
    only = dataclasses.replace(SETTINGS, quantization=("q5_K_M",))
    asked = len(built.cases) + len(built.probes)
    seen: list[int] = []

    def spoil_later(answer: ChatAnswer) -> ChatAnswer:
        seen.append(1)
        return answer if len(seen) <= asked else dataclasses.replace(answer, content="garbage")

    ollama.answer_fault = spoil_later
    with pytest.raises(ProofError, match=r"q5_K_M: close to f16: .* 0% of the answers are the same"):
        run(dataclasses.replace(built, quantizer=quantising), ollama, only)
    assert ollama.kept == {LIVE: OLD}


def test_without_a_quantiser_it_is_told_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantizer, "find_quantizer", lambda checkout: None)
    made_by_ollama = dataclasses.replace(SETTINGS, quantization=("f16", "q8_0", "q4_K_M", "q4_K_S"))
    another = dataclasses.replace(SETTINGS, quantization=("f16", "iq4_xs"))
    refuse_without_quantizer(made_by_ollama)
    with pytest.raises(InputError) as error:
        refuse_without_quantizer(another)
    assert str(error.value).startswith(
        "promote.quantization: iq4_xs is made by llama.cpp's quantiser, which is not at hand here"
    )
    assert "\n" not in str(error.value)
    monkeypatch.setattr(quantizer, "find_quantizer", lambda checkout: Quantizer(("llama-quantize",)))
    refuse_without_quantizer(another)
    refuse_without_quantizer(dataclasses.replace(made_by_ollama, form="adapter"))
    with pytest.raises(InputError, match="is iq4_xs, which Ollama does not make of a base below its adapter"):
        refuse_without_quantizer(dataclasses.replace(another, form="adapter"))


def test_a_small_disk_is_told_before_the_file_is_written(
    quantising: Quantizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gguf = tmp_path / "model.gguf"
    gguf.write_bytes(b"x" * 1000)
    monkeypatch.setattr(disk, "free_bytes", lambda folder: 100)
    for name in QUANTIZATIONS:
        with (
            pytest.raises(UnavailableError, match=rf"the \.gguf as {name} need "),
            quantised_file(quantising, gguf, name),
        ):
            pass
    assert [path.name for path in tmp_path.glob("*.gguf")] == ["model.gguf"]
