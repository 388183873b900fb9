"""The worker's side of pausing and resuming, on a tiny base: what is told, and what lies on disk."""

import gc
import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.errors import InputError
from sweeper.events import (
    CheckpointSaved,
    Event,
    RungReached,
    StepTrained,
    TrialCompleted,
    TrialDiverged,
    TrialStarted,
)
from sweeper.home import SweepFolder
from sweeper.memory.plan import Cohort, PlannedTrial
from sweeper.models.reference import resolve_base
from sweeper.scoring.load_suite import load_suite
from sweeper.space.load import load_space
from sweeper.space.trial_config import TrialConfig
from sweeper.training.engine import Engine
from sweeper.training.slot import Slot
from sweeper.workers import checkpointing, workbench
from sweeper.workers.workbench import Workbench
from sweeper.workers.worker import WorkerSetup
from tests.tiny_base import save_tiny_space
from tests.training.tiny import sliding_window_model
from tests.workers.benches import told, train, weights
from tests.workers.settled import new_objects_only, settled

CONFIG = TrialConfig(
    learning_rate=1e-2, lora_rank=2, effective_batch_size=4, max_seq_length=64, num_train_epochs=2
)
STEPS = 6  # ten rows in windows of four, twice


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> WorkerSetup:
    folder = tmp_path_factory.mktemp("sweep")
    space = load_space(save_tiny_space(folder))
    base = resolve_base(space.base, folder)
    return WorkerSetup(base, space.data, (load_suite(space.dev[0]),), seed=1, sweep_folder=folder / "state")


@pytest.fixture
def make(setup: WorkerSetup, tmp_path: Path) -> Callable[..., Workbench]:
    """Benches as fresh processes would make them, all over one folder of this test's own."""
    return lambda **changes: Workbench(replace(setup, sweep_folder=tmp_path, **changes))


def planned(
    number: int = 0, stop: int | None = None, rung: int | None = None, **changes: Any
) -> PlannedTrial:
    return PlannedTrial(number, 1, replace(CONFIG, **changes), 2, stop, rung)


STEP = ("trial", "step", "examples", "tokens", "loss", "learning_rate", "grad_norm")


def test_paused_and_resumed_by_fresh_workers_it_ends_as_unbroken(make: Callable[..., Workbench]) -> None:
    whole = train(make(), planned(0))
    expected = weights(make(), 0)
    parts: list[Event] = []
    for rung, stop in enumerate([1, 3, None]):
        events = train(make(), planned(1, stop, rung))
        parts += events
        if stop is not None:
            assert told(events, RungReached, "rung", "step") == [(rung, stop)]
            kinds = [type(event) for event in events]
            assert kinds.index(CheckpointSaved) < kinds.index(RungReached)
            assert make().folder.checkpoint(1).is_file()
    assert told(parts, TrialStarted, "resumed_step") == [(0,), (1,), (3,)]
    assert [step[1:] for step in told(parts, StepTrained, *STEP)] == [
        step[1:] for step in told(whole, StepTrained, *STEP)
    ]
    assert told(parts, TrialCompleted, "objective") == told(whole, TrialCompleted, "objective")
    stored = (Path(make().setup.base.source) / "model.safetensors").read_bytes()
    assert told(parts, TrialCompleted, "base_sha256") == [(hashlib.sha256(stored).hexdigest(),)]
    found = weights(make(), 1)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert not make().folder.checkpoint(1).exists()


def test_a_rung_value_is_the_same_in_a_cohort_and_falls_as_it_learns(
    make: Callable[..., Workbench],
) -> None:
    alone = [train(make(), planned(n, stop, 0, lora_rank=n + 2)) for n, stop in ((0, 1), (1, 5))]
    values = [value for events in alone for (value,) in told(events, RungReached, "value")]
    together = train(make(), planned(2, 1, 0, lora_rank=2), planned(3, 5, 0, lora_rank=3))
    assert [value for (value,) in told(together, RungReached, "value")] == pytest.approx(values, rel=1e-5)
    assert values[1] < values[0]


def test_lost_between_pause_and_telling_it_is_told_by_the_next(
    make: Callable[..., Workbench], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(workbench, "target_loss", killed)
    with pytest.raises(KeyboardInterrupt):
        train(make(), planned(stop=2, rung=0))
    monkeypatch.undo()
    events = train(make(), planned(stop=2, rung=0))
    assert told(events, TrialStarted, "resumed_step") == [(2,)]
    assert told(events, StepTrained, "step") == []
    assert told(events, RungReached, "step", "examples") == [(2, 8)]


@pytest.mark.parametrize(
    ("changes", "steps"),
    [({"checkpoint_seconds": 0.0}, [1, 2, 3, 4, 5, 6]), ({}, [6])],
)
def test_running_trials_are_saved_every_so_often(
    make: Callable[..., Workbench], changes: dict[str, float], steps: list[int]
) -> None:
    events = train(make(**changes), planned())
    assert [step for (step,) in told(events, CheckpointSaved, "step")] == steps  # the end saves, too


def test_save_steps(make: Callable[..., Workbench]) -> None:
    events = train(make(), planned(save_steps=2, num_train_epochs=3))
    saved = [step for (step,) in told(events, CheckpointSaved, "step")]
    assert saved[:3] == [2, 4, 6]


def test_logging_steps(make: Callable[..., Workbench]) -> None:
    whole = told(train(make(), planned(num_train_epochs=3)), StepTrained, *STEP)
    last = len(whole)
    sparse = told(train(make(), planned(logging_steps=4, num_train_epochs=3)), StepTrained, *STEP)
    assert sparse == [step for step in whole if step[1] % 4 == 0 or step[1] == last]


def test_killed_while_it_trains_it_goes_on_from_the_last_save(make: Callable[..., Workbench]) -> None:
    whole = train(make(), planned(0))

    def dying(event: Event) -> None:
        if isinstance(event, CheckpointSaved) and event.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make().train(Cohort((planned(1, save_steps=2),)), dying)
    events = train(make(), planned(1, save_steps=2))
    assert told(events, TrialStarted, "resumed_step") == [(4,)]
    assert [step[1:] for step in told(events, StepTrained, *STEP)] == [
        step[1:] for step in told(whole, StepTrained, *STEP)[4:]
    ]
    expected, found = weights(make(), 0), weights(make(), 1)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize("fault", ["damaged", "other seed", "other parameters", "beyond the stop"])
def test_a_checkpoint_that_does_not_fit_is_told_and_left(
    make: Callable[..., Workbench], caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    bench = make()
    train(bench, planned(stop=3, rung=0))
    path = bench.folder.checkpoint(0)
    changes: dict[str, Any] = {"lora_alpha": 8.0} if fault == "other parameters" else {}
    if fault == "damaged":
        path.write_bytes(path.read_bytes()[:-1])
    with caplog.at_level(logging.WARNING):
        stop = 2 if fault == "beyond the stop" else 4
        events = train(
            make(**({"seed": 2} if fault == "other seed" else {})), planned(stop=stop, rung=1, **changes)
        )
    assert told(events, TrialStarted, "resumed_step") == [(0,)]
    assert told(events, RungReached, "step") == [(stop,)]
    assert "trial 0 begins anew:" in caplog.text


def test_a_diverged_trial_leaves_no_state_and_no_number_that_is_none(make: Callable[..., Workbench]) -> None:
    bench = make(checkpoint_seconds=0.0)
    events = train(bench, planned(0, 4, 0, learning_rate=1e30), planned(1, 4, 0))
    assert told(events, TrialDiverged, "trial") == [(0,)]
    assert told(events, RungReached, "trial") == [(1,)]
    assert not bench.folder.checkpoint(0).exists()


def test_a_rung_without_a_number_is_a_divergence(
    make: Callable[..., Workbench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbench, "target_loss", lambda *_: float("nan"))
    events = train(make(), planned(stop=2, rung=0))
    assert told(events, RungReached) == []
    assert told(events, TrialDiverged, "step", "reason") == [(2, "target_loss at step 2 is nan")]


def test_a_disk_that_is_full_is_told_as_it_is(
    make: Callable[..., Workbench], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpointing, "write_checkpoint", full)
    with pytest.raises(OSError, match="No space left"):
        train(make(), planned(stop=2, rung=0))


def live_tensors() -> int:
    gc.collect()
    return sum(isinstance(thing, torch.Tensor) for thing in gc.get_objects())


def tensors_after_each(bench: Workbench, trials: int) -> list[int]:
    with new_objects_only():
        return [settled_after(bench, number) for number in range(trials)]


def settled_after(bench: Workbench, number: int) -> int:
    varied = {"optim": "adamw_8bit", "gradient_checkpointing": True} if number % 2 else {}
    stop = 2 if number % 3 else None
    events = train(bench, planned(number, stop, 0, max_steps=3, num_train_epochs=None, **varied))
    if number % 3 == 2:
        train(bench, planned(number, learning_rate=1e30))
    if number % 5 == 1:
        train(bench, planned(number + 100, 1, 0), planned(number + 200, 2, 0, lora_dropout=0.1))
    assert events
    return settled(live_tensors)


def test_nothing_leaks_over_twenty_trials(make: Callable[..., Workbench]) -> None:
    counts = tensors_after_each(make(checkpoint_seconds=0.0), 20)
    print(f"live tensors after each of 20 trials: {counts}")
    assert set(counts[2:]) == {counts[2]}


def test_a_slot_that_is_kept_is_seen(make: Callable[..., Workbench], monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []

    class Kept(Slot):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            kept.append(self)

    monkeypatch.setattr(workbench, "Slot", Kept)
    counts = tensors_after_each(make(), 4)
    assert counts[3] > counts[2] > counts[1]


def test_the_folder_is_where_the_driver_looks(make: Callable[..., Workbench], tmp_path: Path) -> None:
    train(make(), planned(7, 1, 0))
    assert SweepFolder(tmp_path).checkpoint(7) == tmp_path / "trials" / "0007" / "checkpoint"
    assert SweepFolder(tmp_path).checkpoint(7).is_file()


def test_a_base_that_loses_its_window_in_packed_rows_trains_on_padded_ones(
    make: Callable[..., Workbench], setup: WorkerSetup, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    folder = tmp_path / "mistral"
    tokenizer = AutoTokenizer.from_pretrained(setup.base.source)
    sliding_window_model(vocab_size=len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    bench = make(base=resolve_base(str(folder), tmp_path))
    assert bench.engine.layout == "padded"
    events = train(bench, planned(stop=3, rung=0))
    assert told(events, RungReached, "step") == [(3,)]
    assert make().engine.layout == "packed"


def test_a_base_that_no_layout_suits_is_refused(
    make: Callable[..., Workbench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "check_layout", lambda *_: float("nan"))
    with pytest.raises(InputError, match="gives rows in a batch other logits than alone"):
        make()


def test_where_nothing_is_expected_to_the_letter_there_is_no_loss_and_no_rung(
    make: Callable[..., Workbench], tmp_path: Path
) -> None:
    (tmp_path / "ruled.yaml").write_text(
        "name: ruled\ncases: [{instruction: Repeat., assert: [{type: contains, value: red}]}]\n"
    )
    events: list[Event] = []
    make(dev=(load_suite(tmp_path / "ruled.yaml"),)).train(Cohort((planned(rung=0),)), events.append)
    assert not [event for event in events if isinstance(event, RungReached)]
    assert isinstance(events[-1], TrialCompleted)
