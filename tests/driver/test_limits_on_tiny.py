"""Whole sweeps on a tiny model, really predicted and really trained: under a limit, and short of memory."""

import json
from pathlib import Path

import pytest

from sweeper.events import MemoryMeasured, TrialStarted
from tests.driver.limited import (
    assert_a_rank_is_turned_away,
    assert_shortage_changes_no_score,
    save_limited_space,
)
from tests.driver.sweeps import log_of, sweep, what_mlflow_knows

RANKS = (2, 64)
LIMIT = "650kB"
"""Rank 2 fits with a micro-batch of 2, rank 64 with none."""


def test_a_sweep_under_a_limit_that_forbids_part_of_its_space(tmp_path: Path) -> None:
    space = save_limited_space(tmp_path, {"gpu_memory": LIMIT, "headroom": 0}, RANKS)
    assert_a_rank_is_turned_away(space, 64, micro_batch_size=2, limit_bytes=650_000)


def test_planted_shortage_ends_with_the_same_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_shortage_changes_no_score(
        lambda name: save_limited_space(tmp_path / name, {"headroom": 0}, RANKS), monkeypatch
    )


def test_checkpointing_that_is_left_open_trains_what_does_not_fit_without(tmp_path: Path) -> None:
    left_open = {"gradient_checkpointing": "auto"}
    space = save_limited_space(tmp_path, {"gpu_memory": "400kB", "headroom": 0}, RANKS, parameters=left_open)
    assert_a_rank_is_turned_away(space, 64, micro_batch_size=2, limit_bytes=400_000)
    starts = [event for event in log_of(space) if isinstance(event, TrialStarted)]
    assert all(event.gradient_checkpointing for event in starts)
    shown = f"trial {starts[0].trial} ['gradient_checkpointing', 'True']"
    assert shown in what_mlflow_knows(space)["params"]


def test_trials_side_by_side_are_told_what_they_hold_together(tmp_path: Path) -> None:
    waves = {"pruner": {"type": "halving"}}
    space = save_limited_space(tmp_path, {"gpu_memory": "3MB", "headroom": 0}, (2, 8), search=waves)
    space.write_text(json.dumps({**json.loads(space.read_text()), "workers": {"cohort": 2}}))
    told = [event for event in sweep(space) if isinstance(event, MemoryMeasured) and event.cohort == 2]
    assert {event.trial for event in told} == {0, 1, 2, 3}
    shares = [event.measured_bytes / event.predicted_bytes for event in told if event.predicted_bytes]
    assert len(shares) == len(told)
    assert 0.8 <= max(shares) <= 1.01  # rows differ, and the heaviest ones are predicted
