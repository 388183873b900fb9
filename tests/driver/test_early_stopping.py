"""Early stopping through the whole driver with a real, tiny model: interrupted, it ends as unbroken."""

import os
import signal
from pathlib import Path

import pytest

from sweeper.events import Event, StepTrained, TrialCompleted, ValidationLoss
from tests.driver.sweeps import (
    Watching,
    adapters,
    log_of,
    sweep,
    what_mlflow_knows,
    what_optuna_knows,
)
from tests.tiny_base import save_tiny_space


def save_space(folder: Path) -> Path:
    """Two trials that soon know their eight rows by heart, and the rows held out no better for it."""
    space = save_tiny_space(
        folder,
        trials=2,
        search={"early_stopping": {"patience": 2}, "pruner": {"rungs": ["1/9", 1], "wave": 2}},
        learning_rate={"values": [0.01, 0.02]},
        lora_rank=16,
        effective_batch_size=8,
        num_train_epochs=30,
        save_steps=1,
    )
    text = space.read_text()
    space.write_text(text.replace('"train.jsonl"}', '"train.jsonl", "validation": 0.12}'))
    return space


def curve(events: list[Event]) -> dict[tuple[int, int], float]:
    """Of each trial and step the eval_loss told last."""
    return {(e.trial, e.step): e.value for e in events if isinstance(e, ValidationLoss)}


def test_interrupted_before_a_stop_it_ends_as_it_would_have(tmp_path: Path) -> None:
    calm, space = save_space(tmp_path / "calm"), save_space(tmp_path)
    events = sweep(calm)
    early = [event for event in events if isinstance(event, TrialCompleted) and event.stopped_early]
    assert early
    stopped = early[0].trial
    steps = [event.step for event in events if isinstance(event, StepTrained) and event.trial == stopped]
    assert early[0].best_step in steps[:-2]
    assert max(steps) < 30

    def act(event: Event) -> None:
        if isinstance(event, StepTrained) and (event.trial, event.step) == (stopped, max(steps) - 1):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        sweep(space, view=Watching(act))
    sweep(space)
    assert curve(log_of(space)) == curve(events)
    assert what_optuna_knows(space) == what_optuna_knows(calm)
    assert adapters(space) == adapters(calm)
    found, wanted = what_mlflow_knows(space), what_mlflow_knows(calm)
    assert {table: found[table] for table in wanted} == wanted
    assert any("sweeper.stopped_early" in tag for tag in wanted["tags"])
