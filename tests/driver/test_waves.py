"""Waves through the whole driver: any number of workers, stops, breaks and time limits."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.driver import run_sweep
from sweeper.driver.books import Books
from sweeper.errors import InputError, TrainingError
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
from sweeper.report.progress import SweepProgress, replay
from sweeper.scoring.space_suites import space_suites
from sweeper.space.load import load_space
from sweeper.workers.worker import Emit
from tests.driver.scripted import ScriptedWorker, SpawnedScriptedWorker
from tests.driver.spaces import save_scripted_space
from tests.driver.sweeps import (
    Watching,
    adapters,
    assert_same,
    home_of,
    log_of,
    of_kind,
    outcome,
    states,
    sweep,
    what_mlflow_knows,
    what_optuna_knows,
)

EARLY = {"early_stopping": {"patience": 2}}


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two waves, of 9 and 4, by one worker and in one go."""
    space = save_scripted_space(tmp_path_factory.mktemp("calm"), trials=13)
    sweep(space, ScriptedWorker)
    return space


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
    broken = [event.trial for event in log_of(calm) if isinstance(event, kind)][-1]
    sweep(space, breaking(lambda event: isinstance(event, kind) and event.trial == broken, 1))
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
    best = replay(SweepProgress("tiny"), events).best
    assert best is not None
    assert best.target_loss == min(last[int(str(row[0]))] for row in complete)
    assert "pruned" in states(space)


def test_a_weighted_sum_of_suites_is_what_optuna_mlflow_and_the_report_rank_by(tmp_path: Path) -> None:
    search = {"pruner": "none", "objective": {"tone": 1, "dev": 0.25, "target_loss": 0.125}}
    space = save_scripted_space(tmp_path, trials=6, search=search)
    (tmp_path / "tone.jsonl").write_text((tmp_path / "dev.jsonl").read_text())
    space.write_text(space.read_text().replace('"dev": "dev.jsonl"', '"dev": ["dev.jsonl", "tone.jsonl"]'))
    events = sweep(space, ScriptedWorker)
    scores = {(e.trial, e.suite): e.score or 0.0 for e in events if isinstance(e, SuiteScored)}
    losses = {e.trial: e.value for e in events if isinstance(e, RungReached)}
    wanted = {
        trial: scores[trial, "tone"] + 0.25 * scores[trial, "dev"] - 0.125 * losses[trial]
        for trial in of_kind(events, TrialCompleted)
    }
    assert dict(outcome(events)) == pytest.approx(wanted)
    assert {row[0]: row[2] for row in what_optuna_knows(space) if row[1] == "COMPLETE"} == dict(
        outcome(events)
    )
    shown = [line for line in what_mlflow_knows(space)["metrics"] if "['objective'" in line]
    assert len(shown) == len(wanted)
    for trial, value in outcome(events):
        assert any(line.startswith(f"trial {trial} ['objective', {value}") for line in shown)
    progress = replay(SweepProgress("tiny"), events)
    assert progress.suite == "tone"  # of the largest weight
    assert progress.objective == "1 tone + 0.25 dev - 0.125 target_loss"
    assert progress.best is not None
    assert progress.best.number == max(wanted, key=lambda trial: wanted[trial])
    assert max(scores, key=lambda key: (key[1] == "dev", key[0] >= 0, scores[key]))[0] != progress.best.number


def test_an_unknown_suite_in_the_objective_is_refused(tmp_path: Path) -> None:
    space = save_scripted_space(tmp_path, search={"objective": {"score": 0.8, "tgt_loss": 0.2}})
    with pytest.raises(InputError, match=r"space.yaml: search.objective: .* Did you mean 'target_loss'\?"):
        sweep(space, ScriptedWorker)


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


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two waves of 9 and 4 trials that are of four kinds: rows have 20 tokens, and no length cuts any."""
    space = twin_space(tmp_path_factory.mktemp("twins"))
    sweep(space, ScriptedWorker)
    return space


def twin_space(folder: Path) -> Path:
    space = save_scripted_space(folder, trials=13, search={"sampler": "random"})
    text = space.read_text().replace('{"min": 1e-05, "max": 0.001, "log": true}', "1e-4")
    text = text.replace("[2, 4, 8]", "[2, 4]").replace("[1, 2, 4]", "[1, 4]")
    space.write_text(text.replace('"lora_rank"', '"max_seq_length": {"min": 100, "max": 9000}, "lora_rank"'))
    return space


def test_twins_of_a_wave_are_trained_once_and_end_alike(twins: Path) -> None:
    events = log_of(twins)
    leads = {event.trial: event.twin_of for event in events if isinstance(event, TrialAsked)}
    assert sum(lead is not None for lead in leads.values()) >= 9 - 4
    assert not {trial for trial in of_kind(events, TrialStarted) if leads[trial] is not None}
    told = what_optuna_knows(twins)
    for trial, lead in leads.items():
        if lead is not None:
            assert told[trial][1:3] == told[lead][1:3]
            assert told[trial][4:] == told[lead][4:]
    assert "running" not in states(twins)
    tags = [line for line in what_mlflow_knows(twins)["tags"] if "sweeper.twin_of" in line]
    assert tags == sorted(
        f"trial {trial} ['sweeper.twin_of', '{lead}']" for trial, lead in leads.items() if lead is not None
    )
    completed = of_kind(events, TrialCompleted)
    scored = [line for line in what_mlflow_knows(twins)["metrics"] if "['score/dev'" in line]
    assert len(scored) == len(completed) + 1
    assert len(completed) > len({leads[trial] if leads[trial] is not None else trial for trial in completed})


@pytest.mark.parametrize("workers", [2, 4])
def test_twins_with_more_workers(tmp_path: Path, twins: Path, workers: int) -> None:
    space = twin_space(tmp_path)
    sweep(space, ScriptedWorker, workers=workers)
    assert_same(space, twins)


def test_twins_over_kills_among_what_is_copied(tmp_path: Path, twins: Path) -> None:
    """The driver breaks down at each event that a trial without a start of its own is given."""
    space = twin_space(tmp_path)
    broken_at: set[tuple[str, int, int]] = set()

    def die(event: Event) -> None:
        key = type(event).__name__, event.trial, getattr(event, "rung", 0) or 0
        started = of_kind(log_of(space), TrialStarted)
        if event.trial >= 0 and event.trial not in started and key not in broken_at:
            broken_at.add(key)
            raise KeyboardInterrupt  # as a second Ctrl-C

    for _ in range(99):
        try:
            sweep(space, ScriptedWorker, Watching(die))
            break
        except KeyboardInterrupt:
            continue
    assert {"RungReached", "SuiteScored"} <= {kind for kind, *_ in broken_at}
    assert_same(space, twins)


def test_suites_that_were_read_are_not_read_again(tmp_path: Path) -> None:
    space = load_space(save_scripted_space(tmp_path, trials=1))
    suites = space_suites(space)
    space.dev[0].write_text("this is no suite any more")
    run_sweep(home_of(space.path), space, ScriptedWorker, Watching(), suites=suites)
    with pytest.raises(InputError):
        run_sweep(home_of(space.path), space, ScriptedWorker, Watching())


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
