"""The vocabulary of a .gguf file, read and held against another."""

from pathlib import Path
from typing import Any

import pytest

from sweeper.promote.gguf_vocabulary import adds_bos, prove_vocabulary, stop_adding_bos


def write(path: Path, **changes: Any) -> Path:
    """A file without tensors, whose vocabulary is `changes` over a small one."""
    from gguf import GGUFWriter

    values = {"model": "gpt2", "pre": "smollm", "tokens": ["a", "b", "ab"], "merges": ["a b"], "eos": 2}
    values |= changes
    writer = GGUFWriter(path, "llama")
    writer.add_tokenizer_model(values["model"])
    if values["pre"]:
        writer.add_tokenizer_pre(values["pre"])
    writer.add_token_list(values["tokens"])
    writer.add_token_merges(values["merges"])
    writer.add_eos_token_id(values["eos"])
    if "scores" in values:
        writer.add_token_scores(values["scores"])
    if "bos" in values:
        writer.add_add_bos_token(values["bos"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_the_same_vocabulary(tmp_path: Path) -> None:
    proof = prove_vocabulary(write(tmp_path / "base.gguf"), write(tmp_path / "new.gguf"))
    assert proof.passed
    assert proof.detail == "3 tokens, split as 'smollm'"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"pre": "gpt-2"}, "tokenizer.ggml.pre is 'gpt-2', not 'smollm'"),
        ({"pre": None}, "tokenizer.ggml.pre is None, not 'smollm'"),
        ({"tokens": ["a", "b", "ba"]}, "tokenizer.ggml.tokens is another list (3 entries)"),
        ({"merges": ["b a"]}, "tokenizer.ggml.merges is another list"),
        ({"eos": 0}, "tokenizer.ggml.eos_token_id is 0, not 2"),
    ],
)
def test_another_vocabulary_is_seen(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    proof = prove_vocabulary(write(tmp_path / "base.gguf"), write(tmp_path / "new.gguf", **changes))
    assert not proof.passed
    assert told in proof.detail


def test_lost_scores_are_seen(tmp_path: Path) -> None:
    base = write(tmp_path / "base.gguf", model="llama", scores=[0.0, -1.0, -2.0])
    lost = write(tmp_path / "lost.gguf", model="llama", scores=[-1000.0] * 3)
    assert "tokenizer.ggml.scores is another list" in prove_vocabulary(base, lost).detail


def test_the_begin_token_is_left_to_the_template(tmp_path: Path) -> None:
    gguf = write(tmp_path / "model.gguf", bos=True)
    assert adds_bos(gguf)
    before = gguf.read_bytes()
    stop_adding_bos(gguf)
    assert not adds_bos(gguf)
    assert sum(a != b for a, b in zip(before, gguf.read_bytes(), strict=True)) == 1


def test_without_the_setting_llama_cpp_decides_by_the_kind(tmp_path: Path) -> None:
    assert not adds_bos(write(tmp_path / "bpe.gguf"))
    assert adds_bos(write(tmp_path / "spm.gguf", model="llama"))
    stop_adding_bos(tmp_path / "spm.gguf")
    assert adds_bos(tmp_path / "spm.gguf")
