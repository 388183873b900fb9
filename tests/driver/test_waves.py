"""Waves through the whole driver: any number of workers, stops, breaks and time limits."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.driver.books import Books
from sweeper.errors import TrainingError
from sweeper.events import (
    DriverStarted,
    Event,
    RungReached,
    StepTrained,
    SuiteScored,
    TrialAsked,
    TrialCompleted,
    TrialFailed,
    TrialPruned,
    TrialStarted,
    ValidationLoss,
)
from sweeper.memory.plan import Cohort
from sweeper.workers.worker import Emit
from tests.driver.scripted import ScriptedWorker, SpawnedScriptedWorker
from tests.driver.spaces import save_scripted_space
from tests.driver.sweeps import (
    Watching,
    adapters,
    log_of,
    of_kind,
    states,
    sweep,
    what_mlflow_knows,
    what_optuna_knows,
)

EARLY = {"early_stopping": {"patience": 2}}


def proposals(events: list[Event]) -> list[tuple[object, ...]]:
    return [(event.trial, event.wave, event.config) for event in events if isinstance(event, TrialAsked)]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two waves, of 9 and 4, by one worker and in one go."""
    space = save_scripted_space(tmp_path_factory.mktemp("calm"), trials=13)
    sweep(space, ScriptedWorker)
    return space


def assert_same(space: Path, calm: Path) -> None:
    assert proposals(log_of(space)) == proposals(log_of(calm))
    assert what_optuna_knows(space) == what_optuna_knows(calm)
    assert adapters(space) == adapters(calm)
    found, wanted = what_mlflow_knows(space), what_mlflow_knows(calm)
    for table in wanted:
        assert found[table] == wanted[table], table


@pytest.fixture(scope="module")
def calm_early(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `calm`, with trials that end early."""
    space = save_scripted_space(tmp_path_factory.mktemp("early"), trials=13, search=EARLY)
    sweep(space, ScriptedWorker)
    return space


def test_who_is_stopped_early_is_complete_and_says_why(calm_early: Path) -> None:
    events = log_of(calm_early)
    early = [event.trial for event in events if isinstance(event, TrialCompleted) and event.stopped_early]
    on_the_way = [e.trial for e in events if isinstance(e, RungReached) and e.is_end and e.rung < 2]
    assert len(early) >= len(on_the_way) >= 3
    assert [states(calm_early)[trial] for trial in early] == ["complete"] * len(early)
    tags = what_mlflow_knows(calm_early)["tags"]
    for trial in early:
        assert f"trial {trial} ['sweeper.stopped_early', 'patience: it was enough']" in tags
        assert f"trial {trial} ['sweeper.state', 'complete']" in tags
    assert sum("stopped_early" in tag for tag in tags) == len(early)
    metrics = what_mlflow_knows(calm_early)["metrics"]
    told = of_kind(events, ValidationLoss)
    assert sum("'eval_loss'" in metric for metric in metrics) == len(told) > 13


@pytest.mark.parametrize("workers", [2, 4])
def test_early_ends_with_more_workers_while_others_are_scored(
    tmp_path: Path, calm_early: Path, workers: int
) -> None:
    space = save_scripted_space(tmp_path, trials=13, search=EARLY)

    class SlowToScore(ScriptedWorker):
        def train(self, cohort: Cohort, emit: Emit) -> None:
            def emit_late(event: Event) -> None:
                if isinstance(event, SuiteScored):
                    time.sleep(0.05)
                emit(event)

            super().train(cohort, emit_late)

    sweep(space, SlowToScore, workers=workers)
    assert_same(space, calm_early)
    assert len(of_kind(log_of(space), TrialCompleted)) == len(of_kind(log_of(calm_early), TrialCompleted))


def test_a_wave_stops_the_weak_and_leaves_no_checkpoint(calm: Path) -> None:
    events = log_of(calm)
    complete = of_kind(events, TrialCompleted)
    assert 2 <= len(complete) <= 4  # one or two finalists of each wave
    ended = {*complete, *of_kind(events, TrialPruned)}
    diverged = set(range(13)) - ended
    assert set(states(calm)) == {"complete", "pruned"}
    assert not [name for name in adapters(calm) if "checkpoint" in name]
    assert len(diverged) < 4
    first_wave = [e.trial for e in events if isinstance(e, RungReached) and e.rung == 0 and e.trial < 9]
    assert len(first_wave) + len(diverged & set(range(9))) >= 9 - 3


@pytest.mark.parametrize("workers", [2, 4])
def test_the_same_with_more_workers(tmp_path: Path, calm: Path, workers: int) -> None:
    space = save_scripted_space(tmp_path, trials=13)

    class Uneven(ScriptedWorker):
        made = 0

        def train(self, cohort: Cohort, emit: Emit) -> None:
            time.sleep(0.001 * (cohort.trials[0].number * 7 % 5))
            super().train(cohort, emit)

    sweep(space, Uneven, workers=workers)
    order = [event.trial for event in log_of(space) if isinstance(event, RungReached)]
    assert order != [event.trial for event in log_of(calm) if isinstance(event, RungReached)]
    assert_same(space, calm)


@pytest.mark.parametrize("at", range(5, 200, 23))
def test_ctrl_c_saves_and_another_start_goes_on_to_the_same_end(tmp_path: Path, calm: Path, at: int) -> None:
    space = save_scripted_space(tmp_path, trials=13)
    view = Watching()
    view.act = lambda event: os.kill(os.getpid(), signal.SIGINT) if len(view.events) == at else None
    with pytest.raises(KeyboardInterrupt):
        sweep(space, ScriptedWorker, view)
    assert "Ctrl-C again" in view.lines[-1]
    steps = len(of_kind(log_of(space), StepTrained))
    sweep(space, ScriptedWorker)
    trained = [(e.trial, e.step) for e in log_of(space) if isinstance(e, StepTrained)]
    assert len(trained) == len(set(trained)) > steps  # no step was trained twice
    assert_same(space, calm)


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    space = save_scripted_space(tmp_path, trials=3)

    class Stubborn(ScriptedWorker):
        def stop(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    view = Watching(lambda e: os.kill(os.getpid(), signal.SIGINT) if isinstance(e, StepTrained) else None)
    with pytest.raises(KeyboardInterrupt):
        sweep(space, Stubborn, view)
    assert len(of_kind(log_of(space), StepTrained)) < 4


def breaking(at: Callable[[Event], bool], times: int) -> type[ScriptedWorker]:
    class Breaking(ScriptedWorker):
        left = times

        def train(self, cohort: Cohort, emit: Emit) -> None:
            def emit_or_break(event: Event) -> None:
                if at(event) and Breaking.left:
                    Breaking.left -= 1
                    raise TrainingError("it broke")
                emit(event)

            super().train(cohort, emit_or_break)

    return Breaking


@pytest.mark.parametrize("kind", [TrialStarted, StepTrained, RungReached, TrialCompleted])
def test_a_worker_that_breaks_once_changes_nothing(tmp_path: Path, calm: Path, kind: type[Event]) -> None:
    space = save_scripted_space(tmp_path, trials=13)
    complete = of_kind(log_of(calm), TrialCompleted)  # these come to all kinds
    sweep(space, breaking(lambda event: isinstance(event, kind) and event.trial in complete, 1))
    assert [event.final for event in log_of(space) if isinstance(event, TrialFailed)] == [False]
    assert_same(space, calm)


def test_a_trial_that_breaks_twice_fails_with_its_reason_and_the_wave_goes_on(tmp_path: Path) -> None:
    space = save_scripted_space(tmp_path, trials=9)
    sweep(space, breaking(lambda event: isinstance(event, StepTrained) and event.trial == 2, 9))
    assert [e.final for e in log_of(space) if isinstance(e, TrialFailed)] == [False, True]
    assert states(space)[2] == "failed"
    assert what_optuna_knows(space)[2][-1] == {"reason": "it broke"}
    assert states(space).count("complete") >= 1
    assert "trial 2 FAILED" in what_mlflow_knows(space)["runs"]


def test_a_worker_that_comes_back_with_nothing_is_no_endless_loop(tmp_path: Path) -> None:
    space = save_scripted_space(tmp_path, trials=1)

    class Idler(ScriptedWorker):
        def train(self, cohort: Cohort, emit: Emit) -> None:
            pass

    sweep(space, Idler)
    assert states(space) == ["failed"]


def test_wall_time_ends_in_good_order_and_may_be_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock by which each rung takes an hour."""
    monkeypatch.setattr(Books, "worked_seconds", lambda books: 3600.0 * len(books.standing.reached))
    space = save_scripted_space(tmp_path, trials=9, search={"wall_time": "4h"})
    sweep(space, ScriptedWorker)
    events = log_of(space)
    reasons = {event.reason for event in events if isinstance(event, TrialPruned)}
    assert reasons == {"search.wall_time is spent"}
    assert len(states(space)) == 9
    assert "running" not in states(space)
    assert "RUNNING" not in "".join(what_mlflow_knows(space)["runs"])
    assert sweep(space, ScriptedWorker) == events  # it is spent
    space.write_text(space.read_text().replace('"4h"', '"99h"').replace('"trials": 9', '"trials": 11'))
    assert len(of_kind(sweep(space, ScriptedWorker), DriverStarted)) == 2
    assert len(states(space)) == 11


def test_asha_and_the_objective_of_target_loss(tmp_path: Path) -> None:
    search = {"pruner": "asha", "objective": "target_loss"}
    space = save_scripted_space(tmp_path, trials=9, search=search)
    events = sweep(space, ScriptedWorker)
    last = {e.trial: e.value for e in events if isinstance(e, RungReached)}
    complete = [row for row in what_optuna_knows(space) if row[1] == "COMPLETE"]
    assert complete
    assert all(row[2] == -last[int(str(row[0]))] for row in complete)
    assert "pruned" in states(space)


def test_equal_trainings_are_trained_once(tmp_path: Path) -> None:
    """Rows have 20 tokens, so no max_seq_length here cuts any."""
    space = save_scripted_space(tmp_path, trials=4, search={"pruner": "none", "sampler": "random"})
    text = space.read_text().replace('{"min": 1e-05, "max": 0.001, "log": true}', "1e-4")
    text = text.replace("[2, 4, 8]", "[4]").replace("[1, 2, 4]", "[2]")
    space.write_text(text.replace('"lora_rank"', '"max_seq_length": {"min": 100, "max": 9000}, "lora_rank"'))
    view = Watching()
    events = sweep(space, ScriptedWorker, view)
    assert set(of_kind(events, StepTrained)) == {0}
    assert of_kind(events, TrialCompleted) == [0, 1, 2, 3]
    assert "Trial 3 would train as trial 0 did, and has its result." in view.lines
    assert [row[2] for row in what_optuna_knows(space)] == [what_optuna_knows(space)[0][2]] * 4
    assert what_mlflow_knows(space)["runs"].count("trial 3 FINISHED") == 1
    lengths = [line for line in what_mlflow_knows(space)["params"] if "max_seq_length" in line]
    assert len(set(lengths)) == 4


def test_a_search_of_one_wave_says_so(tmp_path: Path) -> None:
    view = Watching()
    sweep(save_scripted_space(tmp_path, trials=3), ScriptedWorker, view)
    assert "random search" in view.lines[0]


def test_a_worker_process_is_asked_to_save_by_ctrl_c(tmp_path: Path, calm: Path) -> None:
    space = save_scripted_space(tmp_path, trials=13)
    view = Watching()
    view.act = lambda event: os.kill(os.getpid(), signal.SIGINT) if len(view.events) == 40 else None
    with pytest.raises(KeyboardInterrupt):
        sweep(space, SpawnedScriptedWorker, view)
    sweep(space, SpawnedScriptedWorker)
    trained = [(e.trial, e.step) for e in log_of(space) if isinstance(e, StepTrained)]
    assert len(trained) == len(set(trained))
    assert_same(space, calm)
