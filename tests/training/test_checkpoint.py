"""A checkpoint is read whole, undamaged and for the training it was written for, or not at all."""

import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.space.trial_config import TrialConfig
from sweeper.training import checkpoint
from sweeper.training.checkpoint import (
    UnusableCheckpoint,
    checkpoint_identity,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from tests.training.tiny import random_rows

STATE = {"counters": {"step": 3}, "parameters": [torch.arange(1000.0)]}
CONFIG = TrialConfig(effective_batch_size=8)
ROWS = random_rows(5)


def step_of(path: Path) -> int | None:
    state = read_checkpoint(path, "of this")
    return None if state is None else state["counters"]["step"]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "trials" / "0001" / "checkpoint"
    assert read_checkpoint(path, "of this") is None
    write_checkpoint(path, "of this", STATE)
    state = read_checkpoint(path, "of this")
    assert state is not None
    assert torch.equal(state["parameters"][0], torch.arange(1000.0))
    write_checkpoint(path, "of this", {"counters": {"step": 4}})
    assert step_of(path) == 4
    assert [entry.name for entry in path.parent.iterdir()] == ["checkpoint"]
    remove_checkpoint(path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("at", ["before the rename", "half written"])
def test_an_interrupted_write_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    path = tmp_path / "checkpoint"
    write_checkpoint(path, "of this", STATE)

    def power_fails(source: Path, target: Path) -> None:
        if at == "half written":
            os.truncate(source, os.path.getsize(source) // 2)
        raise KeyboardInterrupt

    monkeypatch.setattr("sweeper.training.checkpoint.os.replace", power_fails)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(path, "of this", {"counters": {"step": 4}})
    assert step_of(path) == 3
    monkeypatch.undo()
    write_checkpoint(path, "of this", {"counters": {"step": 5}})
    assert step_of(path) == 5


def damaged_at(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize("place", [0, 63, 66, 1000, -10])
def test_one_wrong_bit_is_seen(tmp_path: Path, place: int) -> None:
    path = tmp_path / "checkpoint"
    write_checkpoint(path, "of this", STATE)
    content = path.read_bytes()
    path.write_bytes(damaged_at(content, place % len(content)))
    with pytest.raises(UnusableCheckpoint, match="is damaged"):
        read_checkpoint(path, "of this")


@pytest.mark.parametrize("kept", [0, 10, 64, 65, 500])
def test_a_shortened_file_is_seen(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "checkpoint"
    write_checkpoint(path, "of this", STATE)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UnusableCheckpoint, match="is damaged"):
        read_checkpoint(path, "of this")


def test_one_of_other_training_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "checkpoint", "of that", STATE)
    with pytest.raises(UnusableCheckpoint, match="is of other training"):
        read_checkpoint(tmp_path / "checkpoint", "of this")


CHANGED: dict[str, Any] = {
    "learning_rate": 3e-4,
    "lora_rank": 4,
    "lora_alpha": 8.0,
    "target_modules": ("q_proj",),
    "effective_batch_size": 4,
    "max_seq_length": 64,
    "num_train_epochs": 2.0,
    "max_steps": 3,
    "warmup_steps": 1.0,
    "weight_decay": 0.1,
    "max_grad_norm": 0.0,
    "lr_scheduler_type": "cosine",
    "lora_dropout": 0.1,
    "use_rslora": True,
    "optim": "adamw_8bit",
}


def test_all_that_decides_a_step_is_in_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    identity = checkpoint_identity(CONFIG, ROWS, 1, "base")
    others = [
        checkpoint_identity(replace(CONFIG, **{name: value}), ROWS, 1, "base")
        for name, value in CHANGED.items()
    ]
    others.append(checkpoint_identity(CONFIG, ROWS[1:], 1, "base"))
    others.append(checkpoint_identity(CONFIG, [*ROWS[:-1], replace(ROWS[-1], prompt_length=1)], 1, "base"))
    others.append(checkpoint_identity(CONFIG, ROWS, 2, "base"))
    others.append(checkpoint_identity(CONFIG, ROWS, 1, "other"))
    monkeypatch.setattr(checkpoint, "ENGINE_VERSION", 0)
    others.append(checkpoint_identity(CONFIG, ROWS, 1, "base"))
    assert len({identity, *others}) == 1 + len(others)


def test_how_a_step_is_cut_and_saved_is_not_in_it() -> None:
    changes: dict[str, Any] = {"save_steps": 3, "logging_steps": 2, "eval_steps": 4}
    changes["gradient_checkpointing"] = True
    pair: dict[str, Any] = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}
    known = {field.name for field in fields(TrialConfig)}
    assert known == CHANGED.keys() | changes.keys() | pair.keys()  # a new parameter must choose its side
    expected = checkpoint_identity(CONFIG, ROWS, 1, "base")
    for values in (changes, pair):
        assert checkpoint_identity(replace(CONFIG, **values), ROWS, 1, "base") == expected
