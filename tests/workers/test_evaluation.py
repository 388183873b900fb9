"""Validation rows on a tiny base: what is told, where a trial ends, and what it then is."""

import itertools
import json
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
    MemoryMeasured,
    RungReached,
    StepTrained,
    TrialCompleted,
    TrialDiverged,
    TrialStarted,
    ValidationLoss,
)
from sweeper.memory.plan import Cohort, PlannedTrial
from sweeper.models.reference import resolve_base
from sweeper.scoring.load_suite import load_suite
from sweeper.space.data_settings import HeldOutShare, RowFile
from sweeper.space.early_stopping import EarlyStoppingSettings
from sweeper.space.load import load_space
from sweeper.space.trial_config import TrialConfig
from sweeper.workers.workbench import Workbench
from sweeper.workers.worker import WorkerSetup
from tests.tiny_base import WORDS, save_tiny_space
from tests.training.test_eval_loss import plain_eval_loss
from tests.workers.benches import told, train, weights

CONFIG = TrialConfig(
    learning_rate=1e-2,
    lora_rank=16,
    effective_batch_size=9,
    max_seq_length=64,
    num_train_epochs=None,
    max_steps=30,
    lr_scheduler_type="constant",
)
PATIENCE = EarlyStoppingSettings(patience=2)
OVERFIT = EarlyStoppingSettings(overfit=0.03)


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> WorkerSetup:
    """Each word is trained to be repeated; the validation rows say something else of it."""
    folder = tmp_path_factory.mktemp("sweep")
    space = load_space(save_tiny_space(folder))
    noise = [
        {"instruction": "Repeat.", "input": word, "output": other}
        for word, other in zip(WORDS, [*WORDS[4:], *WORDS[:4]], strict=True)
    ]
    (folder / "noise.jsonl").write_text("".join(json.dumps(row) + "\n" for row in noise))
    data = replace(space.data, validation=RowFile(folder / "noise.jsonl"))
    base = resolve_base(space.base, folder)
    return WorkerSetup(base, data, (load_suite(space.dev[0]),), seed=1, sweep_folder=folder / "state")


@pytest.fixture
def make(setup: WorkerSetup, tmp_path: Path) -> Callable[..., Workbench]:
    """Benches as fresh processes would make them, all over one folder of this test's own."""
    return lambda **changes: Workbench(replace(setup, sweep_folder=tmp_path, **changes))


def planned(number: int = 0, stop: int | None = None, rung: int = 0, **changes: Any) -> PlannedTrial:
    return PlannedTrial(number, 1, replace(CONFIG, **changes), 9, stop, rung)


def peft_eval_loss(bench: Workbench, number: int) -> float:
    """Of the adapter that the trial left, by PEFT and transformers, row by row, uncut."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(bench.setup.base.source, dtype=torch.float32)
    trained = PeftModel.from_pretrained(model, bench.folder.trial(number) / "adapter").eval()
    return plain_eval_loss(trained, bench.eval_rows)


def test_without_validation_rows_nothing_is_measured(make: Callable[..., Workbench]) -> None:
    bench = make()
    bare = make(data=replace(bench.setup.data, validation=None))
    events = train(bare, planned())
    assert told(events, ValidationLoss) == []
    measured = train(bench, planned(1))
    names = ("step", "examples", "tokens", "loss", "learning_rate", "grad_norm")
    assert told(measured, StepTrained, *names) == told(events, StepTrained, *names)
    assert told(measured, RungReached, "value", "is_end") == told(events, RungReached, "value", "is_end")
    expected, found = weights(bench, 0), weights(bench, 1)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    ends = told(measured, TrialCompleted, "stopped_early", "best_step")
    assert ends == told(events, TrialCompleted, "stopped_early", "best_step") == [(None, None)]


def test_it_is_told_after_its_step_and_the_last_one_is_that_of_the_adapter(
    make: Callable[..., Workbench],
) -> None:
    bench = make()
    events = train(bench, planned())
    losses = told(events, ValidationLoss, "step", "examples", "value")
    assert [step for step, _, _ in losses] == [3 * n for n in range(1, 11)]
    steps = dict(told(events, StepTrained, "step", "examples"))
    assert all(steps[step] == examples for step, examples, _ in losses)
    kinds = [type(event) for event in events]
    at = events.index(next(event for event in events if isinstance(event, ValidationLoss)))
    assert kinds[at - 1] is StepTrained
    assert losses[-1][2] == pytest.approx(peft_eval_loss(bench, 0), rel=1e-5)


def test_eval_steps(make: Callable[..., Workbench]) -> None:
    events = train(make(), planned(eval_steps=8, logging_steps=5))
    assert told(events, ValidationLoss, "step") == [(8,), (16,), (24,), (30,)]


def test_all_trials_are_measured_on_the_same_tokens(make: Callable[..., Workbench]) -> None:
    """A trial that is cut short is measured uncut; the first step of both is the same."""
    bench = make()
    longest = max(len(row.input_ids) for row in bench.rows)
    short = min(row.prompt_length for row in bench.rows) + 2
    assert short < longest
    one_step: dict[str, Any] = {"max_steps": 1, "learning_rate": 1e-12}
    events = train(bench, planned(0, max_seq_length=short, **one_step), planned(1, **one_step))
    values = [value for (value,) in told(events, ValidationLoss, "value")]
    assert values[0] == pytest.approx(values[1], rel=1e-6)
    cut = make(eval_seq_length=short)
    assert max(len(row.input_ids) for row in cut.eval_rows) <= short
    with pytest.raises(InputError, match="no validation row has a label within 8 tokens"):
        make(eval_seq_length=8)


def test_a_share_of_the_rows_is_measured_and_not_trained(make: Callable[..., Workbench]) -> None:
    whole = make()
    bench = make(data=replace(whole.setup.data, validation=HeldOutShare(0.3, seed=0)))
    assert len(bench.eval_rows) == 3
    assert {*bench.eval_rows, *bench.rows} == set(whole.rows)
    assert not set(bench.eval_rows) & set(bench.rows)


@pytest.mark.parametrize("rules", [PATIENCE, OVERFIT], ids=["patience", "overfit"])
def test_a_trial_that_learns_by_heart_ends_early_with_its_best_adapter(
    make: Callable[..., Workbench], rules: EarlyStoppingSettings
) -> None:
    whole = told(train(make(), planned(0)), ValidationLoss, "step", "value")
    bench = make(early_stopping=rules)
    events = train(bench, planned(1))
    losses = told(events, ValidationLoss, "step", "value")
    assert losses == whole[: len(losses)]
    assert len(losses) < len(whole)
    best_step, best = min(losses, key=lambda loss: loss[1])
    assert best_step < losses[-1][0]
    if rules is PATIENCE:
        assert [value > best for _, value in losses[-2:]] == [True, True]
        assert losses[-3] == (best_step, best)
    else:
        lowest = list(itertools.accumulate((value for _, value in losses), min))
        above = [value > 1.03 * low for (_, value), low in zip(losses, lowest, strict=True)]
        assert above == [False] * (len(losses) - 1) + [True]
    last = losses[-1][0]
    assert told(events, StepTrained, "step")[-1] == (last,)
    assert told(events, RungReached, "step", "is_end") == [(last, True)]
    ((reason, found_step),) = told(events, TrialCompleted, "stopped_early", "best_step")
    assert found_step == best_step
    assert reason.startswith("patience" if rules is PATIENCE else "overfit")
    assert peft_eval_loss(bench, 1) == pytest.approx(best, rel=1e-5)
    assert not bench.folder.checkpoint(1).exists()


def test_a_trial_that_keeps_gaining_is_not_stopped(make: Callable[..., Workbench]) -> None:
    """Measured on what it is trained on."""
    setup = make().setup
    rows = replace(setup.data, validation=RowFile(setup.data.train.path))  # type: ignore[union-attr]
    bench = make(data=rows, early_stopping=EarlyStoppingSettings(patience=1, overfit=0.01))
    events = train(bench, planned(learning_rate=3e-4))
    assert len(told(events, ValidationLoss)) == 10
    assert told(events, TrialCompleted, "stopped_early", "best_step") == [(None, 30)]


def test_at_its_full_end_too_it_has_its_best_adapter(make: Callable[..., Workbench]) -> None:
    bench = make(early_stopping=EarlyStoppingSettings(patience=50))
    events = train(bench, planned())
    losses = told(events, ValidationLoss, "step", "value")
    best_step, best = min(losses, key=lambda loss: loss[1])
    assert best_step < 30
    assert told(events, TrialCompleted, "stopped_early", "best_step") == [(None, best_step)]
    assert peft_eval_loss(bench, 0) == pytest.approx(best, rel=1e-5)


def test_it_ends_on_the_way_to_a_rung_and_is_measured_there_by_its_best(
    make: Callable[..., Workbench],
) -> None:
    bench = make(early_stopping=PATIENCE)
    straight = train(bench, planned(0))
    parts = train(make(early_stopping=PATIENCE), planned(1, 3, 0))
    parts += train(make(early_stopping=PATIENCE), planned(1, 29, 1))
    assert told(parts, ValidationLoss, "step", "value") == told(straight, ValidationLoss, "step", "value")
    (end,) = told(straight, RungReached, "rung", "step", "value", "is_end")
    assert told(parts, RungReached, "rung", "step", "value", "is_end")[1] == (1, *end[1:])
    names = ("objective", "stopped_early", "best_step")
    assert told(parts, TrialCompleted, *names) == told(straight, TrialCompleted, *names)
    expected, found = weights(bench, 0), weights(bench, 1)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("moment", ["at a checkpoint", "after its last step", "while it is scored"])
def test_killed_and_taken_up_it_ends_as_unbroken(make: Callable[..., Workbench], moment: str) -> None:
    def bench() -> Workbench:
        return make(early_stopping=PATIENCE)

    whole = train(bench(), planned(0))
    (last,) = told(whole, RungReached, "step")[0]
    seen: list[Event] = []

    def dying(event: Event) -> None:
        seen.append(event)
        at = {
            "at a checkpoint": isinstance(event, CheckpointSaved) and event.step == last - 2,
            "after its last step": isinstance(event, CheckpointSaved) and event.step == last,
            "while it is scored": isinstance(event, RungReached),
        }
        if at[moment]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench().train(Cohort((planned(1, save_steps=1),)), dying)
    events = train(bench(), planned(1, save_steps=1))
    (resumed,) = told(events, TrialStarted, "resumed_step")[0]
    assert resumed == (last - 2 if moment == "at a checkpoint" else last)
    before = [loss for loss in told(seen, ValidationLoss, "step", "value") if loss[0] <= resumed]
    assert before + told(events, ValidationLoss, "step", "value") == told(
        whole, ValidationLoss, "step", "value"
    )
    names = ("objective", "stopped_early", "best_step")
    assert told(events, TrialCompleted, *names) == told(whole, TrialCompleted, *names)
    assert told(events, RungReached, "value", "is_end") == told(whole, RungReached, "value", "is_end")
    expected, found = weights(bench(), 0), weights(bench(), 1)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_one_of_a_cohort_ends_and_the_other_trains_on(make: Callable[..., Workbench]) -> None:
    slow = planned(1, learning_rate=1e-4)
    together = train(make(early_stopping=PATIENCE), planned(0), slow)
    ends = {event.trial: event.stopped_early for event in together if isinstance(event, TrialCompleted)}
    assert (ends[0] or "")[:8] == "patience"
    assert ends[1] is None
    alone = train(make(early_stopping=PATIENCE), replace(slow, number=2))
    found = [event.value for event in together if isinstance(event, ValidationLoss) and event.trial == 1]
    assert found == pytest.approx([value for (value,) in told(alone, ValidationLoss, "value")], rel=1e-4)


def test_an_eval_loss_that_is_no_number(
    make: Callable[..., Workbench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeper.workers.workbench.eval_loss", lambda *_: float("nan"))
    events = train(make(early_stopping=PATIENCE), planned(0))
    assert told(events, TrialDiverged, "step", "reason") == [(3, "eval_loss at step 3 is nan")]
    assert {type(event) for event in events} == {TrialStarted, StepTrained, MemoryMeasured, TrialDiverged}
    plain = train(make(), planned(1))
    assert told(plain, ValidationLoss) == told(plain, TrialDiverged) == []
    assert len(told(plain, TrialCompleted)) == 1
