"""Whole sweeps on SmolLM2: under a limit that forbids part of the space, and short of memory."""

from pathlib import Path

import pytest

from tests.driver.limited import (
    assert_a_rank_is_turned_away,
    assert_shortage_changes_no_score,
    save_limited_space,
)
from tests.real.conftest import SMOLLM2

SUITE = "name: dev\ncases: dev.jsonl\ndecode: {max_new_tokens: 4}\n"


def save_space(folder: Path, limits: dict[str, object], ranks: tuple[int, ...], trials: int) -> Path:
    changes = {
        "parameters": {"num_train_epochs": 1.5, "learning_rate": 1e-3},
        "search": {"trials": trials},
        "evaluation": {"dev": "dev.yaml"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dev.yaml").write_text(SUITE)
    return save_limited_space(folder, limits, ranks, SMOLLM2, **changes)


def test_a_sweep_under_a_limit_that_forbids_part_of_its_space(tmp_path: Path) -> None:
    space = save_space(tmp_path, {"gpu_memory": "1.2GB", "headroom": 0}, (8, 256), trials=1)
    assert_a_rank_is_turned_away(space, 256, micro_batch_size=4, limit_bytes=1_200_000_000)


def test_planted_shortage_ends_with_the_same_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_shortage_changes_no_score(
        lambda name: save_space(tmp_path / name, {"headroom": 0}, (8,), trials=1), monkeypatch
    )
