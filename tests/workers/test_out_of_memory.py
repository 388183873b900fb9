"""Steps that get no memory, on a tiny base: what is freed, saved and told, and that nothing is lost."""

import gc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.events import (
    CheckpointSaved,
    Event,
    MemoryMeasured,
    StepTrained,
    TrialCompleted,
    TrialOutOfMemory,
    TrialStarted,
)
from sweeper.memory.plan import PlannedTrial
from sweeper.models.reference import resolve_base
from sweeper.scoring.load_suite import load_suite
from sweeper.space.load import load_space
from sweeper.space.trial_config import TrialConfig
from sweeper.training.engine import Engine
from sweeper.workers.workbench import Workbench
from sweeper.workers.worker import WorkerSetup
from tests.tiny_base import save_tiny_space
from tests.workers.benches import train, weights
from tests.workers.settled import new_objects_only, settled

CONFIG = TrialConfig(
    learning_rate=1e-2, lora_rank=2, effective_batch_size=4, max_seq_length=64, num_train_epochs=2
)
STEPS = 6  # nine rows in windows of four, twice

CUDA = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB. GPU 0 has ...")
CPU = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "4096 bytes. Error code 12 (Cannot allocate memory)"
)


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> WorkerSetup:
    folder = tmp_path_factory.mktemp("sweep")
    space = load_space(save_tiny_space(folder))
    base = resolve_base(space.base, folder)
    return WorkerSetup(base, space.data, (load_suite(space.dev[0]),), seed=1, sweep_folder=folder / "state")


@pytest.fixture
def make(setup: WorkerSetup, tmp_path: Path) -> Callable[[str], Workbench]:
    return lambda name: Workbench(replace(setup, sweep_folder=tmp_path / name))


def planned(rows: int, attempt: int = 1, number: int = 0, **changes: Any) -> PlannedTrial:
    return PlannedTrial(number, attempt, replace(CONFIG, **changes), rows, predicted_bytes=10**6)


def failing_after(calls: int, method: Any, error: Exception) -> Any:
    """`method` as it is, but for the call after so many, which does half of its work and fails."""
    done = 0

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal done
        done += 1
        result = method(*args, **kwargs)
        if done == calls + 1:
            raise type(error)(*error.args)  # a new one: an error that is kept would keep the frames it was in
        return result

    return call


PLACES: dict[str, tuple[Any, str, int]] = {
    "forward": (Engine, "loss_sums", 3),
    "backward": (torch.Tensor, "backward", 3),
    "optimizer step": (torch.optim.AdamW, "step", 3),
}


def live_bytes() -> int:
    """Bytes of all tensors that Python can reach, each storage once."""
    gc.collect()
    tensors = [each for each in gc.get_objects() if issubclass(type(each), torch.Tensor)]
    storages = {each.untyped_storage()._cdata: each.untyped_storage().nbytes() for each in tensors}
    return sum(storages.values())


@pytest.mark.parametrize("error", [CUDA, CPU, MemoryError("std::bad_alloc")], ids=["cuda", "cpu", "python"])
@pytest.mark.parametrize("place", PLACES)
def test_a_step_without_memory_is_done_again_with_half_the_micro_batch(
    make: Callable[[str], Workbench], monkeypatch: pytest.MonkeyPatch, place: str, error: Exception
) -> None:
    owner, name, calls = PLACES[place]
    bench = make("hungry")
    train(bench, planned(4, number=9, num_train_epochs=None, max_steps=1))  # what is made once is there
    with new_objects_only():
        before = settled(live_bytes)
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, failing_after(calls, getattr(owner, name), error))
            events = train(bench, planned(4, save_steps=2))
        assert settled(live_bytes) - before < 10_000
    (failure,) = [event for event in events if isinstance(event, TrialOutOfMemory)]
    assert (failure.micro_batch_size, failure.attempt, failure.predicted_bytes) == (4, 1, 10**6)
    saved = [event.step for event in events if isinstance(event, CheckpointSaved)][-1]
    assert saved == (2 if place == "optimizer step" else 3)  # what broke off there cannot be saved
    assert not [event for event in events if isinstance(event, TrialCompleted)]

    rest = train(bench, planned(2, attempt=2, save_steps=2))
    (start,) = [event for event in rest if isinstance(event, TrialStarted)]
    assert (start.resumed_step, start.micro_batch_size, start.gradient_accumulation_steps) == (saved, 2, 2)
    calm = make("calm")
    undisturbed = train(calm, planned(2, save_steps=2))
    for name, tensor in weights(calm).items():
        torch.testing.assert_close(weights(bench)[name], tensor, rtol=1e-3, atol=1e-4)
    losses = {event.step: event.loss for event in [*events, *rest] if isinstance(event, StepTrained)}
    assert losses == pytest.approx(
        {event.step: event.loss for event in undisturbed if isinstance(event, StepTrained)}, rel=1e-4
    )


def test_other_errors_go_through(make: Callable[[str], Workbench], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(Engine, "loss_sums", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        train(make("broken"), planned(4))


def test_the_others_of_a_cohort_lose_nothing(
    make: Callable[[str], Workbench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The optimizer step of the second of two breaks off, its fourth: the first one has had its own."""
    bench, events = make("two"), list[Event]()
    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", failing_after(7, torch.optim.AdamW.step, CUDA))
        events = train(bench, planned(4, number=0), planned(4, number=1, learning_rate=1e-3))
    assert [event.trial for event in events if isinstance(event, TrialOutOfMemory)] == [1]
    saved = {event.trial: event.step for event in events if isinstance(event, CheckpointSaved)}
    assert saved == {0: 4}
    told = [event.step for event in events if isinstance(event, StepTrained) and event.trial == 0]
    rest = train(bench, planned(4, attempt=2, number=0))
    told += [event.step for event in rest if isinstance(event, StepTrained)]
    assert set(told) >= set(range(1, STEPS + 1)) - {4}
    calm = make("calm")
    train(calm, planned(4))
    for name, tensor in weights(calm).items():
        torch.testing.assert_close(weights(bench)[name], tensor, rtol=1e-3, atol=1e-4)


def test_what_a_failed_step_held_and_asked_for_is_told(
    make: Callable[[str], Workbench], monkeypatch: pytest.MonkeyPatch
) -> None:
    calm = train(make("calm"), planned(4))
    peak = max(event.measured_bytes for event in calm if isinstance(event, MemoryMeasured))
    patched = failing_after(0, Engine.loss_sums, CUDA)
    monkeypatch.setattr(Engine, "loss_sums", patched)
    (failure,) = [e for e in train(make("hungry"), planned(4)) if isinstance(e, TrialOutOfMemory)]
    assert failure.measured_bytes is not None
    assert 0 < failure.measured_bytes - 2 * 2**20 <= peak
    assert failure.reason.startswith("OutOfMemoryError: CUDA out of memory")


def test_the_measured_peak_is_the_predicted_one(make: Callable[[str], Workbench], setup: WorkerSetup) -> None:
    """By a replay of the heaviest step at hand. The prefix that a micro-batch shares beyond that of all rows
    is what the prediction does not know of."""
    from sweeper.memory.base_config import BaseConfig
    from sweeper.memory.heaviest import RowSizes
    from sweeper.memory.predict import predict
    from sweeper.memory.settings import BaseSettings
    from sweeper.memory.trial_step import trial_step
    from sweeper.models.config import read_config

    bench = make("measured")
    bench.engine.share_prefix = False
    facts = replace(bench.facts(), shared_prefix=0)
    config = BaseConfig.of(read_config(setup.base))
    for rows in (1, 2, 4):
        events = train(bench, planned(rows, number=rows))
        measured = max(event.measured_bytes for event in events if isinstance(event, MemoryMeasured))
        sizes = RowSizes(facts.row_lengths, facts.prompt_lengths, facts.shared_prefix)
        step = trial_step(CONFIG, sizes, setup.seed, BaseSettings.of(setup.precision), facts.shape, rows)
        assert measured == pytest.approx(predict(config, step).predicted_bytes, rel=0.03)
