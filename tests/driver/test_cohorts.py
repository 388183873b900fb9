"""Which trials train side by side, and that a sweep of cohorts comes to the same end."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.driver.cohorts import cohorts
from sweeper.errors import TrainingError
from sweeper.events import TrialCompleted, TrialFailed, TrialStarted
from sweeper.memory.plan import Cohort, PlannedTrial
from sweeper.space.trial_config import TrialConfig
from sweeper.training.layouts import BaseShape
from sweeper.workers.worker import Emit, WorkerFacts
from tests.driver.scripted import ScriptedWorker
from tests.driver.spaces import save_scripted_space
from tests.driver.sweeps import adapters, log_of, of_kind, states, sweep, what_optuna_knows
from tests.tiny_base import save_tiny_space

FACTS = WorkerFacts((60,) * 40, (50,) * 40, (), BaseShape(hidden_size=576), shared_prefix=36, cohort=4)


def planned(number: int, **changes: Any) -> PlannedTrial:
    config = replace(TrialConfig(effective_batch_size=8), **changes)
    return PlannedTrial(number, 1, config, config.effective_batch_size)


def numbers(trials: list[PlannedTrial], workers: int = 1, **named: Any) -> list[list[int]]:
    return [[trial.number for trial in each.trials] for each in cohorts(trials, workers, FACTS, **named)]


def test_trials_are_spread_over_the_workers() -> None:
    nine = [planned(number) for number in range(9)]
    assert numbers(nine) == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert numbers(nine, workers=3) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert numbers(nine[:2], workers=3) == [[0], [1]]
    assert numbers([]) == []


def test_members_share_checkpointing_and_layout() -> None:
    trials = [
        planned(0),
        planned(1, gradient_checkpointing=True),
        planned(2, lora_dropout=0.1, effective_batch_size=512),  # shares no prefix: too long for a mask
        planned(3, lora_rank=64),
        planned(4, gradient_checkpointing=True),
    ]
    assert numbers(trials) == [[0, 3], [1, 4], [2]]


def test_who_broke_off_is_alone() -> None:
    trials = [planned(number) for number in range(4)]
    assert numbers(trials, alone=frozenset({0, 2})) == [[0], [1, 3], [2]]


def with_workers(space: Path, workers: str) -> Path:
    space.write_text(space.read_text().replace('"evaluation"', f'"workers": {workers}, "evaluation"'))
    return space


def test_a_sweep_of_cohorts_ends_as_one_trial_at_a_time(tmp_path: Path) -> None:
    calm = save_scripted_space(tmp_path / "calm")
    sweep(calm, ScriptedWorker)
    space = with_workers(save_scripted_space(tmp_path / "cohorts"), '{"cohort": 3}')
    sizes: list[int] = []

    class Counting(ScriptedWorker):
        def train(self, cohort: Cohort, emit: Emit) -> None:
            sizes.append(len(cohort.trials))
            super().train(cohort, emit)

    sweep(space, Counting, workers=2)
    assert max(sizes) == 3
    assert what_optuna_knows(space) == what_optuna_knows(calm)
    assert adapters(space) == adapters(calm)


def test_one_that_breaks_its_cohort_twice_fails_and_the_others_complete(tmp_path: Path) -> None:
    space = with_workers(save_scripted_space(tmp_path, 4, {"pruner": "none"}), '{"cohort": 4}')

    class Breaking(ScriptedWorker):
        def train(self, cohort: Cohort, emit: Emit) -> None:
            if any(trial.number == 1 for trial in cohort.trials):
                raise TrainingError("trial 1 breaks all that trains beside it")
            super().train(cohort, emit)

    events = sweep(space, Breaking)
    assert states(space)[1] == "failed"
    assert [event.trial for event in events if isinstance(event, TrialFailed) and event.final] == [1]
    assert 1 not in of_kind(events, TrialCompleted)


@pytest.mark.parametrize("layers", ["none", "nf4"])
def test_a_real_cohort_is_trained_and_scored(tmp_path: Path, layers: str) -> None:
    space = with_workers(
        save_tiny_space(tmp_path, trials=2, search={"pruner": {"rungs": ["1/2", 1]}}), '{"cohort": 2}'
    )
    space.write_text(space.read_text().replace('"dtype"', f'"quantization": "{layers}", "dtype"'))
    events = sweep(space)
    starts = [event for event in events if isinstance(event, TrialStarted)]
    assert [event.trial for event in starts[:2]] == [0, 1]
    assert {event.quantization for event in starts} == {layers}
    assert of_kind(log_of(space), TrialCompleted)
