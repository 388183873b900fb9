"""What `sweep check` tells of disk and time, held against a sweep that was run."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from sweeper.commands.check import check
from sweeper.commands.cost import measured_speed
from sweeper.commands.cost_lines import training_line
from sweeper.data.encode_rows import encode_rows
from sweeper.data.load_rows import load_rows
from sweeper.data.template import template_of
from sweeper.errors import UnavailableError
from sweeper.events import CheckpointSaved, Event, StepTrained
from sweeper.home import Home
from sweeper.models.reference import resolve_base
from sweeper.models.skeleton import linear_layer_shapes
from sweeper.models.tokenizer import load_tokenizer
from sweeper.report.speed import Speed, tokens_per_second
from sweeper.search.cost import TrainingCost, disk_needs, training_cost
from sweeper.space.load import load_space
from tests.driver.sweeps import Watching, sweep
from tests.sweep_events import halving_events, sweep_events
from tests.tiny_base import save_tiny_space


def space_file(folder: Path, lora_rank: object) -> Path:
    """Two trials on the tiny base. Its cases are among its rows."""
    path = save_tiny_space(folder, trials=2, lora_rank=lora_rank)
    path.write_text(path.read_text().replace('"train.jsonl"', '"train.jsonl", "allow_overlap": true'))
    return path


def test_a_sweep_costs_what_was_told_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = space_file(tmp_path, lora_rank=32)
    home, space = Home(tmp_path / "mlruns"), load_space(path)
    check(home, path)
    told = " ".join(capsys.readouterr().out.split())
    assert "the first trial will tell" in told
    assert "chosen by dev (auto: its answers can be checked)" in told

    checkpoints: list[int] = []

    def weigh(event: Event) -> None:
        if isinstance(event, CheckpointSaved):
            checkpoints.append(home.sweep("tiny").checkpoint(event.trial).stat().st_size)

    events = sweep(path, view=Watching(weigh))
    base = resolve_base(space.base, tmp_path)
    rows = encode_rows(load_rows(space.data)[0], template_of(load_tokenizer(base), None), "completion").rows
    cost = training_cost(space, [len(row.input_ids) for row in rows], [row.prompt_length for row in rows])
    steps = [event for event in events if isinstance(event, StepTrained)]
    assert cost.steps == len(steps)
    assert cost.tokens == pytest.approx(sum({step.trial: step.tokens for step in steps}.values()))

    low, high = disk_needs(space, linear_layer_shapes(base))
    assert low == high
    weights = [*tmp_path.glob("mlruns/**/adapter_model.safetensors")]
    assert len(weights) == 4  # each adapter and MLflow's copy
    assert sum(file.stat().st_size for file in weights) == pytest.approx(
        high.adapters, rel=0.05
    )  # with headers
    assert max(checkpoints) == pytest.approx(high.checkpoints / 2, rel=0.2)  # with their frame

    check(home, path)
    assert "tokens/s, as in sweep tiny" in " ".join(capsys.readouterr().out.split())
    speed = measured_speed(home, space)
    assert speed is not None
    assert speed.tokens_per_second == tokens_per_second(events)


def test_a_disk_that_is_too_small_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = space_file(tmp_path, lora_rank={"values": [1, 64]})
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10**6, 0, 200_000))
    check(Home(tmp_path / "mlruns"), path)
    assert "That may not be enough" in " ".join(capsys.readouterr().out.split())
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10**6, 0, 1000))
    with pytest.raises(UnavailableError, match=r"has 1.0 kB free, and the sweep's .* need at least"):
        check(Home(tmp_path / "mlruns"), path)


def test_speed_is_of_steps_alone() -> None:
    """The made-up sweep trains 400 tokens in each step of 2 s; between attempts it scores and sleeps."""
    assert tokens_per_second(sweep_events()) == pytest.approx(200)
    assert tokens_per_second(halving_events()) == pytest.approx(200)
    assert tokens_per_second([]) is None


def test_in_words() -> None:
    cost = TrainingCost(1_234_567, 345, 1 / 3)
    assert training_line(cost, Speed(1000, "last")) == (
        "Training: about 1,200,000 tokens in 340 steps (of all trials' whole, 33%). "
        "At 1,000 tokens/s, as in sweep last, that is 21 min, without loading and scoring."
    )
