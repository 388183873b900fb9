"""Whole sweeps on SmolLM2: under a limit that forbids part of the space, and short of memory."""

from pathlib import Path

import pytest

from sweeper.models.load import Base
from tests.driver.limited import (
    assert_a_rank_is_turned_away,
    assert_shortage_changes_no_score,
    save_limited_space,
)

SUITE = "name: dev\ncases: dev.jsonl\ndecode: {max_new_tokens: 4}\n"


@pytest.fixture(scope="module")
def folder(smollm2: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2 as a folder, which three sweeps load in a fraction of the time of a .gguf file."""
    path = tmp_path_factory.mktemp("smollm2")
    smollm2.model.save_pretrained(path)
    smollm2.tokenizer.save_pretrained(path)
    return path


def save_space(at: Path, base: Path, limits: dict[str, object], *ranks: int) -> Path:
    """One trial of four steps; the last rank is tried first."""
    changes = {
        "parameters": {"num_train_epochs": 1.5, "learning_rate": 1e-3},
        "search": {"trials": 1},
        "evaluation": {"dev": "dev.yaml"},
    }
    at.mkdir(parents=True, exist_ok=True)
    (at / "dev.yaml").write_text(SUITE)
    return save_limited_space(at, limits, ranks, str(base), **changes)


def test_a_sweep_under_a_limit_that_forbids_part_of_its_space(folder: Path, tmp_path: Path) -> None:
    space = save_space(tmp_path, folder, {"gpu_memory": "1.2GB", "headroom": 0}, 8, 256)
    assert_a_rank_is_turned_away(space, 256, micro_batch_size=4, limit_bytes=1_200_000_000)


def test_planted_shortage_ends_with_the_same_scores(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_shortage_changes_no_score(
        lambda name: save_space(tmp_path / name, folder, {"headroom": 0}, 8), monkeypatch
    )
