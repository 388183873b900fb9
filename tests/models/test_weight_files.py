"""The hash of a base's weights: of their content, wherever they lie."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from sweeper.models import weight_files
from sweeper.models.reference import BaseReference
from sweeper.models.weight_files import weights_sha256


def folder_of(path: Path) -> BaseReference:
    return BaseReference("base", str(path), None)


def test_one_file_is_hashed_as_sha256sum_does(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "training_args.bin").write_bytes(b"something else")
    expected = hashlib.sha256(b"weights").hexdigest()
    assert weights_sha256(folder_of(tmp_path)) == expected
    (tmp_path / "model.gguf").write_bytes(b"weights")
    assert weights_sha256(BaseReference("base", str(tmp_path), "model.gguf")) == expected


def save_parts(folder: Path) -> None:
    folder.mkdir()
    index = {"weight_map": {"a": "part-2.safetensors", "b": "part-1.safetensors", "c": "part-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    for part in ("part-1", "part-2", "part-3"):
        (folder / f"{part}.safetensors").write_bytes(part.encode())


def test_parts_count_as_the_index_names_them_and_one_bit_changes_the_hash(tmp_path: Path) -> None:
    save_parts(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    before = weights_sha256(folder_of(tmp_path / "here"))
    assert weights_sha256(folder_of(tmp_path / "there")) == before
    (tmp_path / "there" / "part-3.safetensors").write_bytes(b"not named")
    assert weights_sha256(folder_of(tmp_path / "there")) == before
    (tmp_path / "there" / "part-2.safetensors").write_bytes(b"part-3")
    assert weights_sha256(folder_of(tmp_path / "there")) != before


def test_a_hub_id_is_hashed_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_parts(tmp_path / "snapshot")

    def cached(repo: str, file: str) -> str | None:
        return str(tmp_path / "snapshot" / file) if repo == "org/model" else None

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", cached)
    assert weights_sha256(BaseReference("org/model", "org/model", None)) == weights_sha256(
        folder_of(tmp_path / "snapshot")
    )
    assert weights_sha256(BaseReference("org/other", "org/other", None)) == ""
    assert weight_files.weight_files(BaseReference("org/other", "org/other", None)) == []
