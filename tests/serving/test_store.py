"""Where a local Ollama keeps its models; of another machine's nothing is said."""

from pathlib import Path

import pytest

from sweeper.serving.store import free_bytes, store_folder


def test_the_store_is_known_on_this_machine_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    assert store_folder("http://127.0.0.1:11434") == tmp_path
    assert store_folder("http://gpu:11434") is None
    monkeypatch.delenv("OLLAMA_MODELS")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ollama" / "models").mkdir(parents=True)
    assert store_folder("http://localhost:11434") == tmp_path / ".ollama" / "models"


def test_room_is_that_of_the_nearest_folder_that_is_there(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") > 0
