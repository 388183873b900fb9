"""What the events of a sweep amount to, and what is still to come."""

import math

import pytest

from sweeper.events import (
    BASE_TRIAL,
    CasesAnswered,
    Event,
    RungReached,
    StepTrained,
    SuiteScored,
    TrialAsked,
    TrialCompleted,
    TrialFailed,
    TrialStarted,
    ValidationLoss,
)
from sweeper.report.progress import SweepProgress, apply, replay
from sweeper.report.time_left import time_left
from sweeper.space.trial_config import TrialConfig
from tests.sweep_events import (
    CASE_SECONDS,
    CASES,
    CONFIGS,
    STEP_SECONDS,
    Stream,
    halving_events,
    sweep_events,
)

STEPS = 6
TRIAL_SECONDS = STEPS * STEP_SECONDS + CASES * CASE_SECONDS


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return sweep_events(STEPS)


def until(events: list[Event], kind: type[Event], trial: int, count: int = 1) -> list[Event]:
    """Events up to the nth of `kind` of `trial`, which is the last of them."""
    places = [i for i, event in enumerate(events) if isinstance(event, kind) and event.trial == trial]
    return events[: places[count - 1] + 1]


def test_a_whole_sweep(events: list[Event]) -> None:
    progress = replay(SweepProgress("tickets", 4), events)
    assert [trial.state for trial in progress.trials.values()] == [
        "complete",
        "diverged",
        "complete",
        "complete",
    ]
    assert [trial.score for trial in progress.trials.values()] == [0.5, None, 0.75, 0.625]
    assert [trial.config for trial in progress.trials.values()] == CONFIGS
    assert progress.base.score == 0.0
    assert progress.base.cases == CASES
    assert progress.finished_count == 4
    assert progress.best is not None
    assert (progress.best.number, progress.best.attempt) == (2, 2)
    assert progress.best.adapter == "trials/0002/adapter"


def test_progress_in_pieces_is_progress_in_one(events: list[Event]) -> None:
    for cut in range(0, len(events), 5):
        first = replay(SweepProgress("tickets", 4), events[:cut])
        assert replay(first, events[cut:]) == replay(SweepProgress("tickets", 4), events)


def test_a_later_attempt_voids_the_earlier(events: list[Event]) -> None:
    failed = replay(SweepProgress("tickets"), until(events, TrialFailed, 2)).trials[2]
    assert (failed.state, failed.examples) == ("asked", 32)
    again = replay(SweepProgress("tickets"), until(events, TrialStarted, 2, count=2)).trials[2]
    assert (again.state, again.examples, again.attempt, again.loss, again.reason) == (
        "training",
        0,
        2,
        None,
        None,
    )


def test_an_adopted_trial_asked_again_loses_nothing(events: list[Event]) -> None:
    progress = replay(SweepProgress("tickets"), events)
    assert apply(progress, TrialAsked(0, 0.0, CONFIGS[0])) == progress


def test_a_final_failure_is_finished_and_scores_nothing() -> None:
    events: list[Event] = [TrialAsked(0, 1.0, TrialConfig()), TrialFailed(0, 2.0, 1, "no memory", final=True)]
    progress = replay(SweepProgress("tickets", 1), events)
    assert progress.finished_count == 1
    assert progress.best is None


def test_only_the_suite_scored_first_counts_for_base_and_time() -> None:
    dev, test = (SuiteScored(BASE_TRIAL, 1.0, name, 0.25, 3.0, ()) for name in ("dev", "test"))
    progress = replay(
        SweepProgress("tickets"), [dev, SuiteScored(BASE_TRIAL, 2.0, "test", 0.9, 50.0, ()), test]
    )
    assert (progress.suite, progress.base.score, progress.scoring_seconds) == ("dev", 0.25, (3.0,))


def test_of_equal_scores_the_first_is_best() -> None:
    events = [TrialCompleted(number, 1.0, 0.5, "a", 1.0) for number in (2, 0, 1)]
    best = replay(SweepProgress("tickets"), events).best
    assert best is not None
    assert best.number == 0


def test_time_left_counts_down_while_a_trial_trains(events: list[Event]) -> None:
    seen = until(events, StepTrained, 0, count=3)
    progress, now = replay(SweepProgress("tickets", 4), seen), seen[-1].time
    left = time_left(progress, now)
    scoring = CASES * CASE_SECONDS
    assert left.trial == pytest.approx(3 * STEP_SECONDS + scoring)
    assert left.sweep == pytest.approx(3 * STEP_SECONDS + scoring + 3 * TRIAL_SECONDS)
    a_second_later = time_left(progress, now + 1)
    assert left.trial is not None
    assert a_second_later.trial == pytest.approx(left.trial - 1)


def test_time_left_while_a_trial_is_scored(events: list[Event]) -> None:
    seen = until(events, CasesAnswered, 0)
    left = time_left(replay(SweepProgress("tickets", 4), seen), seen[-1].time)
    assert left.trial == pytest.approx(CASES / 2 * CASE_SECONDS)


def test_nothing_is_promised_before_two_steps_and_nothing_is_left_at_the_end(events: list[Event]) -> None:
    seen = until(events, StepTrained, 0)
    assert time_left(replay(SweepProgress("tickets", 4), seen), seen[-1].time).sweep is None
    done = time_left(replay(SweepProgress("tickets", 4), events), events[-1].time)
    assert (done.trial, done.sweep) == (None, 0.0)


def test_a_pause_between_two_starts_is_not_taken_for_slowness(events: list[Event]) -> None:
    seen = until(events, TrialStarted, 2)
    night = 8 * 3600.0
    resumed = [TrialStarted(2, seen[-1].time + night, 2, 4, 2, STEPS, STEPS * 8)]
    progress = replay(SweepProgress("tickets", 4), [*seen, *resumed])
    left = time_left(progress, resumed[0].time).sweep
    assert left is not None
    assert left == pytest.approx(2 * TRIAL_SECONDS, rel=0.01)


@pytest.mark.parametrize("cut", range(0, 52, 3))
def test_time_left_is_never_negative_nor_absurd(events: list[Event], cut: int) -> None:
    progress = replay(SweepProgress("tickets", 4), events[:cut])
    left = time_left(progress, events[max(cut - 1, 0)].time + 1000)
    for seconds in (left.trial, left.sweep):
        assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


def test_time_left_of_a_wave_counts_what_its_pruner_lets_through() -> None:
    events = halving_events()
    begun = SweepProgress("tickets", 4, (1 / 3, 1.0), expected_share=2 / 3, counts_turned_away=True)
    reached = next(i for i, event in enumerate(events) if isinstance(event, RungReached)) + 1
    progress, now = replay(begun, events[:reached]), events[reached - 1].time
    left = time_left(progress, now)
    assert left.trial is None  # it is paused
    examples = 4 * 48 * 2 / 3 - 16
    scorings = 4 * 2 / 3 * CASES * CASE_SECONDS
    assert left.sweep == pytest.approx(examples / 8 * STEP_SECONDS + scorings)
    for cut in range(len(events)):
        seconds = time_left(replay(begun, events[:cut]), events[max(cut - 1, 0)].time).sweep
        assert seconds is None or seconds >= 0
    assert time_left(replay(begun, events), events[-1].time).sweep == 0.0


def test_a_trial_that_was_stopped_early_shows_its_eval_loss_and_why() -> None:
    stream = Stream()
    events = [stream.ask(0), stream.start(0, 1, 6), *stream.steps(0, 4)]
    events += [ValidationLoss(0, stream.time, 4, 32, 1.75)]
    told = TrialCompleted(0, stream.time, 0.5, "adapter", 8.0, stopped_early="patience: no gain", best_step=2)
    trial = replay(SweepProgress("tickets"), [*events, told]).trials[0]
    assert (trial.state, trial.eval_loss, trial.reason) == ("complete", 1.75, "patience: no gain")
    again = replay(SweepProgress("tickets"), [*events, stream.start(0, 2, 6)]).trials[0]
    assert (again.eval_loss, again.reason) == (None, None)


def test_a_trial_with_anothers_results_counts_as_what_that_one_trained() -> None:
    """So that of tied trials it is not taken for the cheapest."""
    twin = [
        TrialAsked(1, 0.0, CONFIGS[0], 0, 0),
        RungReached(1, 1.0, 0, 6, 48, 0.5),
        SuiteScored(1, 2.0, "dev", 0.5, 1.0, ()),
        TrialCompleted(1, 3.0, 0.5, "trials/0000/adapter", 0.0),
    ]
    trial = replay(SweepProgress("tickets"), twin).trials[1]
    assert (trial.state, trial.examples, trial.objective, trial.score) == ("complete", 48, 0.5, 0.5)
