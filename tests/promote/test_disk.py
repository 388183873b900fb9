"""Too small a disk is told before anything is written there."""

from pathlib import Path

import pytest

from sweeper.errors import UnavailableError
from sweeper.promote import disk
from sweeper.promote.disk import refuse_small_store, refuse_small_work_disk


@pytest.fixture(autouse=True)
def _four_gigabytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda folder: 4_000_000_000)
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))


def test_our_own_disk(tmp_path: Path) -> None:
    refuse_small_work_disk(1_000_000_000, tmp_path)
    with pytest.raises(
        UnavailableError, match=r"has 4\.0 GB free, and the merged model and its \.gguf need 6"
    ):
        refuse_small_work_disk(1_500_000_000, tmp_path)


def test_ollamas_disk_where_it_is_known() -> None:
    refuse_small_store(1_900_000_000, ["f16"], "http://127.0.0.1:1")
    with pytest.raises(UnavailableError, match=r"Ollama's copies of the model need 4\.8 GB: make room there"):
        refuse_small_store(1_900_000_000, ["q8_0"], "http://127.0.0.1:1")
    refuse_small_store(1_900_000_000, ["q8_0"], "http://gpu:1")
