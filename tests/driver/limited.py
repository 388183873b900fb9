"""Sweeps under a memory limit, and short of memory: what holds of them on any base model."""

import json
import sqlite3
from collections.abc import Callable, Mapping
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


def save_limited_space(
    folder: Path, limits: Mapping[str, object], ranks: tuple[int, ...], base: str = "./base", **changes: Any
) -> Path:
    """A space of four trials over `base`, in fp32, that tries the last rank first.

    `changes` are laid over the space's other sections.
    """
    path = save_tiny_space(folder, 4, {"sampler": "random"}, lora_rank={"values": ranks})
    space = json.loads(path.read_text())
    for section, values in changes.items():
        space[section] |= values
    space |= {"model": {"base": base, "dtype": "float32"}, "limits": limits}
    space["baseline"] = [{"lora_rank": ranks[-1]}]
    path.write_text(json.dumps(space))
    return path


def assert_a_rank_is_turned_away(space: Path, rank: int, micro_batch_size: int, limit_bytes: int) -> None:
    """Runs the sweep: no trial of `rank` costs anything, all others train in the limit, cut as told."""
    events = sweep(space)
    ranks = {event.trial: event.config.lora_rank for event in events if isinstance(event, TrialAsked)}
    turned_away = of_kind(events, TrialInfeasible)
    assert turned_away
    assert set(turned_away) == {number for number, asked in ranks.items() if asked == rank}
    assert len(of_kind(events, TrialCompleted)) == json.loads(space.read_text())["search"]["trials"]
    assert not of_kind(events, TrialOutOfMemory)
    starts = [event for event in events if isinstance(event, TrialStarted)]
    assert {event.micro_batch_size for event in starts} == {micro_batch_size}
    measured = [event for event in events if isinstance(event, MemoryMeasured)]
    assert {event.trial for event in measured} == set(of_kind(events, TrialCompleted))
    assert all(event.measured_bytes <= limit_bytes for event in measured)
    with sqlite3.connect(home_of(space).mlruns / "mlflow.db") as database:
        rows = database.execute("SELECT DISTINCT key FROM metrics WHERE key LIKE 'memory/%'").fetchall()
    assert {key for (key,) in rows} == {"memory/predicted_bytes", "memory/measured_bytes", "memory/error"}


def assert_shortage_changes_no_score(
    save_space: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs two sweeps, one in which each micro-batch above 1 runs out of memory at its trial's third step."""
    calm = sweep(save_space("calm"))
    really = Engine.micro_step

    def short_of_memory(engine: Engine, slots: Any) -> list[float]:
        losses = really(engine, slots)
        if any(slot.micro_batch_size > 1 and slot.step == 2 for slot in slots):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return losses

    monkeypatch.setattr(Engine, "micro_step", short_of_memory)
    space = save_space("short")
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
