"""Whole sweeps in which some trials do not fit, with scripted workers and a predictor that is a formula."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from sweeper.driver import sweep as driver
from sweeper.driver.planning import Planner
from sweeper.errors import InputError
from sweeper.events import (
    Event,
    TrialAsked,
    TrialCompleted,
    TrialInfeasible,
    TrialOutOfMemory,
    TrialStarted,
)
from sweeper.memory.plan import Cohort, PlannedTrial
from sweeper.memory.plan_within import Limit
from sweeper.space.trial_config import TrialConfig
from sweeper.workers.worker import Emit
from tests.driver.scripted import ScriptedWorker
from tests.driver.spaces import save_scripted_space
from tests.driver.sweeps import (
    Watching,
    assert_same,
    home_of,
    log_of,
    of_kind,
    outcome,
    proposals,
    sweep,
)

TRIALS = 13


def predict(config: TrialConfig, rows: int) -> int:
    return 1000 * config.lora_rank + rows


def limited_to(monkeypatch: pytest.MonkeyPatch, limit_bytes: int) -> None:
    planner = lambda space, base, facts: Planner(facts.row_lengths, Limit(limit_bytes, 0.0), predict)  # noqa: E731
    monkeypatch.setattr(driver, "planner_of", planner)


@pytest.fixture
def _rank_8_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    limited_to(monkeypatch, 4002)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Under the limit, by one worker and in one go."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        limited_to(monkeypatch, 4002)
        space = save_scripted_space(tmp_path_factory.mktemp("calm"), TRIALS)
        sweep(space, ScriptedWorker)
    return space


def test_what_does_not_fit_is_told_with_its_constraint_and_counts_for_nothing(calm: Path) -> None:
    events = log_of(calm)
    turned_away = of_kind(events, TrialInfeasible)
    configs = {event.trial: event.config for event in events if isinstance(event, TrialAsked)}
    assert turned_away
    assert set(turned_away) == {number for number, config in configs.items() if config.lora_rank == 8}
    assert len(configs) == TRIALS + len(turned_away)
    assert not set(turned_away) & set(of_kind(events, TrialStarted))
    trials = optuna.load_study(study_name="tiny", storage=home_of(calm).optuna_uri).trials
    for number in turned_away:
        assert trials[number].state.name == "PRUNED"
        assert trials[number].constraints == {"memory": pytest.approx(8001 / 4002 - 1)}
    reason = next(event.reason for event in events if isinstance(event, TrialInfeasible))
    assert "a micro-batch of 1" in reason


@pytest.mark.usefixtures("_rank_8_does_not_fit")
def test_the_same_with_two_workers(tmp_path: Path, calm: Path) -> None:
    class Uneven(ScriptedWorker):
        def train(self, cohort: Cohort, emit: Emit) -> None:
            time.sleep(0.001 * (cohort.trials[0].number * 7 % 5))
            super().train(cohort, emit)

    space = save_scripted_space(tmp_path / "two", TRIALS)
    sweep(space, Uneven, workers=2)
    assert_same(space, calm)


@pytest.mark.usefixtures("_rank_8_does_not_fit")
def test_the_same_over_stops(tmp_path: Path, calm: Path) -> None:
    """Also right behind a proposal, before it is judged."""
    space = save_scripted_space(tmp_path / "stopped", TRIALS)
    for at in (4, 9, 60):
        view = Watching()
        view.act = lambda event: os.kill(os.getpid(), signal.SIGINT) if len(view.events) == at else None  # noqa: B023
        with contextlib.suppress(KeyboardInterrupt):
            sweep(space, ScriptedWorker, view)
    sweep(space, ScriptedWorker)
    assert_same(space, calm)


@pytest.mark.usefixtures("_rank_8_does_not_fit")
def test_a_grid_ends_with_what_fits(tmp_path: Path) -> None:
    space = save_scripted_space(tmp_path, 9, {"sampler": "grid", "pruner": "none"})
    text = space.read_text().replace('{"min": 1e-05, "max": 0.001, "log": true}', "1e-4")
    space.write_text(text)
    events = sweep(space, ScriptedWorker)
    assert len(proposals(events)) == 9
    assert len(of_kind(events, TrialInfeasible)) == 3


def test_where_nothing_fits_the_sweep_ends_with_advice_and_goes_on_under_a_larger_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited_to(monkeypatch, 1000)
    space = save_scripted_space(tmp_path, 9)
    with pytest.raises(InputError, match=r"30 proposals in a row do not fit.*max_seq_length"):
        sweep(space, ScriptedWorker)
    assert len(of_kind(log_of(space), TrialInfeasible)) == 30
    limited_to(monkeypatch, 100_000)
    events = sweep(space, ScriptedWorker)
    assert len(proposals(events)) == 39
    assert of_kind(events, TrialCompleted)


def hungry(holds: Callable[[PlannedTrial], bool]) -> type[ScriptedWorker]:
    """Runs out of memory in a trial's first leg where `holds` says so."""

    class Hungry(ScriptedWorker):
        def train(self, cohort: Cohort, emit: Emit) -> None:
            (planned,) = cohort.trials
            if holds(planned):
                number, rows = planned.number, planned.micro_batch_size
                emit(TrialStarted(number, time.time(), planned.attempt, rows, 1, 9, 9))
                emit(TrialOutOfMemory(number, time.time(), planned.attempt, rows, "no memory"))
                return
            super().train(cohort, emit)

    return Hungry


def test_out_of_memory_costs_no_attempt_and_changes_no_outcome(tmp_path: Path) -> None:
    space = save_scripted_space(tmp_path / "hungry", 4)
    events = sweep(space, hungry(lambda planned: planned.micro_batch_size > 1))
    failed = [event.trial for event in events if isinstance(event, TrialOutOfMemory)]
    assert len(failed) > len(set(failed)) > 0  # 4 rows, 2 rows, 1 row
    undisturbed = save_scripted_space(tmp_path / "undisturbed", 4)
    assert sorted(outcome(events)) == sorted(outcome(sweep(undisturbed, ScriptedWorker)))


def test_a_trial_that_runs_out_with_one_row_is_infeasible_and_the_wave_goes_on(tmp_path: Path) -> None:
    space = save_scripted_space(tmp_path, 6)
    events: list[Event] = sweep(space, hungry(lambda planned: planned.config.lora_rank == 8))
    infeasible = [event for event in events if isinstance(event, TrialInfeasible)]
    asked = [event for event in events if isinstance(event, TrialAsked)]
    assert {event.trial for event in infeasible} == {
        event.trial for event in asked if event.config.lora_rank == 8
    }
    assert {event.reason for event in infeasible} == {"it ran out of memory with a micro-batch of 1"}
    assert len(proposals(events)) == 6  # time was spent on them
    assert of_kind(events, TrialCompleted)
