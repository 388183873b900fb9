"""Slots, tokens a second, the share of time that trains, and what was saved, from events alone."""

from functools import reduce

import pytest

from sweeper.events import (
    BASE_TRIAL,
    DriverStarted,
    Event,
    RungReached,
    StepTrained,
    TrialPruned,
    TrialStarted,
)
from sweeper.report.work import Work, work_after, work_line


def started(trial: int, time: float, resumed_step: int = 0) -> TrialStarted:
    return TrialStarted(trial, time, 1, 4, 1, 10, 100, resumed_step)


def step(trial: int, time: float, examples: int, tokens: int, computed: int = 0) -> StepTrained:
    return StepTrained(trial, time, examples // 10, examples, tokens, 1.0, 1e-4, 1.0, computed)


def work_of(*events: Event) -> Work:
    return reduce(work_after, events, Work())


def test_before_a_step_there_is_nothing_to_tell() -> None:
    assert work_line(work_of(DriverStarted(BASE_TRIAL, 0.0), started(0, 5.0))) is None


def test_trials_side_by_side_share_their_time() -> None:
    work = work_of(
        DriverStarted(BASE_TRIAL, 0.0),
        started(0, 10.0),
        started(1, 10.0),
        step(0, 14.0, 10, 400, 300),
        step(1, 16.0, 10, 400, 300),
        step(0, 18.0, 20, 800, 600),
        step(1, 20.0, 20, 800, 600),
    )
    assert (work.tokens, work.training_seconds, work.worked_seconds) == (1600, 10.0, 20.0)
    assert len(work.slots) == 2
    assert work.sharing_tokens == 400
    assert work_line(work) == (
        "2 slots   160 tokens/s   50% of the time training   tokens saved: 400 by sharing"
    )


def test_what_a_stopped_trial_did_not_train_is_saved() -> None:
    work = work_of(
        DriverStarted(BASE_TRIAL, 0.0),
        started(0, 0.0),
        step(0, 4.0, 10, 5000),
        RungReached(0, 5.0, 0, 1, 10, 2.0),
        TrialPruned(0, 6.0, 0, "others were better"),
    )
    assert not work.slots
    assert (work.halving_tokens, work.sharing_tokens) == (45_000, 0)
    assert "45k by halving" in str(work_line(work))


def test_between_two_drivers_the_sweep_slept() -> None:
    work = work_of(
        DriverStarted(BASE_TRIAL, 0.0),
        started(0, 0.0),
        step(0, 10.0, 10, 100),
        DriverStarted(BASE_TRIAL, 1000.0),
        started(0, 1000.0, resumed_step=1),
        step(0, 1010.0, 20, 200),
    )
    assert (work.tokens, work.training_seconds, work.worked_seconds) == (200, 20.0, 20.0)
    assert work.training_share == pytest.approx(1.0)


def test_an_attempt_that_begins_anew_trains_its_tokens_again() -> None:
    events = [DriverStarted(BASE_TRIAL, 0.0), started(0, 0.0), step(0, 10.0, 10, 100)]
    again = work_of(*events, started(0, 10.0), step(0, 20.0, 10, 100))
    assert again.tokens == 200
