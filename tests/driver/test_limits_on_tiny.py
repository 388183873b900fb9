"""Whole sweeps on a tiny model, really predicted and really trained: under a limit, and short of memory."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.events import (
    MemoryMeasured,
    StepTrained,
    TrialAsked,
    TrialCompleted,
    TrialInfeasible,
    TrialOutOfMemory,
    TrialStarted,
)
from sweeper.training.engine import Engine
from tests.driver.sweeps import home_of, log_of, of_kind, outcome, sweep, what_mlflow_knows
from tests.tiny_base import save_tiny_space

LIMIT = "650kB"
"""Rank 2 fits with a micro-batch of 2, rank 64 with none."""


def save_space(folder: Path, limits: dict[str, object]) -> Path:
    path = save_tiny_space(folder, 4, {"sampler": "random"}, lora_rank={"values": [2, 64]})
    space = json.loads(path.read_text())
    path.write_text(json.dumps({**space, "model": {**space["model"], "dtype": "float32"}, "limits": limits}))
    return path


def test_a_sweep_under_a_limit_that_forbids_part_of_its_space(tmp_path: Path) -> None:
    space = save_space(tmp_path, {"gpu_memory": LIMIT, "headroom": 0})
    events = sweep(space)
    ranks = {event.trial: event.config.lora_rank for event in events if isinstance(event, TrialAsked)}
    turned_away = of_kind(events, TrialInfeasible)
    assert turned_away
    assert set(turned_away) == {number for number, rank in ranks.items() if rank == 64}
    assert len(of_kind(events, TrialCompleted)) == 4
    assert not of_kind(events, TrialOutOfMemory)
    starts = [event for event in events if isinstance(event, TrialStarted)]
    assert {event.micro_batch_size for event in starts} == {2}
    measured = [event for event in events if isinstance(event, MemoryMeasured)]
    assert {event.trial for event in measured} == set(of_kind(events, TrialCompleted))
    assert all(event.measured_bytes <= 650_000 for event in measured)
    with sqlite3.connect(home_of(space).mlruns / "mlflow.db") as database:
        rows = database.execute("SELECT DISTINCT key FROM metrics WHERE key LIKE 'memory/%'").fetchall()
    assert {key for (key,) in rows} == {"memory/predicted_bytes", "memory/measured_bytes", "memory/error"}


def test_planted_shortage_ends_with_the_same_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calm = sweep(save_space(tmp_path / "calm", {"headroom": 0}))
    really = Engine.micro_step

    def short_of_memory(engine: Engine, slots: Any) -> list[float]:
        losses = really(engine, slots)
        if any(slot.micro_batch_size > 1 and slot.step == 2 for slot in slots):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return losses

    monkeypatch.setattr(Engine, "micro_step", short_of_memory)
    space = save_space(tmp_path / "short", {"headroom": 0})
    events = sweep(space)
    failures = [event for event in events if isinstance(event, TrialOutOfMemory)]
    assert [event.micro_batch_size for event in failures if event.trial == 0] == [4, 2]
    assert outcome(events) == outcome(calm)
    losses = [
        {(each.trial, each.step): each.loss for each in log if isinstance(each, StepTrained)}
        for log in (log_of(space), calm)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert "trial 0 ['micro_batch_size', '1']" in what_mlflow_knows(space)["params"]
