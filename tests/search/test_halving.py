"""Who goes on in a wave: the best third, whole places, ties by number, the broken ones replaced."""

import dataclasses
from fractions import Fraction

import pytest

from sweeper.events import RungReached, TrialCompleted, TrialDiverged, TrialPruned
from sweeper.search.halving import (
    Leg,
    Loser,
    WaveStep,
    expected_share,
    halving_step,
    quotas,
    train_all_step,
)
from sweeper.space.pruner import HALVING, TRAIN_ALL
from sweeper.space.trial_config import TrialConfig
from sweeper.standing import TrialStanding


def trial(number: int, *values: float, end: str | None = None) -> TrialStanding:
    """A trial with these rung values; `end` is complete, diverged or pruned."""
    ends = {
        "complete": TrialCompleted(number, 0.0, 0.5, "adapter", 1.0),
        "diverged": TrialDiverged(number, 0.0, 3, "nan"),
        "pruned": TrialPruned(number, 0.0, 0, "weak"),
        None: None,
    }
    rungs = {rung: RungReached(number, 0.0, rung, rung, rung, value) for rung, value in enumerate(values)}
    return TrialStanding(number, TrialConfig(), 0, rungs=rungs, end=ends[end])


def legs(step: WaveStep) -> list[tuple[int, int]]:
    assert step.losers == ()
    return [(leg.number, leg.rung) for leg in step.legs]


@pytest.mark.parametrize(
    ("size", "finalists", "expected"),
    [
        (9, 2, [9, 3, 2]),
        (9, 1, [9, 3, 1]),
        (8, 2, [8, 2, 2]),
        (8, 1, [8, 2, 1]),
        (2, 2, [2, 2, 2]),
        (1, 2, [1, 1, 1]),
        (27, 2, [27, 9, 2]),
        (4, 3, [4, 3, 3]),
    ],
)
def test_places_at_each_rung(size: int, finalists: int, expected: list[int]) -> None:
    assert quotas(dataclasses.replace(HALVING, finalists=finalists), size) == expected


def test_with_one_rung_nobody_is_stopped() -> None:
    assert quotas(dataclasses.replace(HALVING, rungs=(Fraction(1),)), 9) == [9]


def test_all_train_to_the_first_rung_and_nothing_is_decided_before_all_are_there() -> None:
    wave = [trial(number) for number in range(9)]
    assert legs(halving_step(HALVING, wave)) == [(number, 0) for number in range(9)]
    wave[:8] = [trial(number, float(number)) for number in range(8)]
    assert legs(halving_step(HALVING, wave)) == [(8, 0)]


def test_the_best_third_goes_on_and_then_the_finalists() -> None:
    wave = [trial(number, 9.0 - number) for number in range(9)]
    assert legs(halving_step(HALVING, wave)) == [(6, 1), (7, 1), (8, 1)]
    wave[6:] = [trial(6, 3.0, 0.6), trial(7, 2.0, 0.7), trial(8, 1.0, 0.62)]
    assert legs(halving_step(HALVING, wave)) == [(6, 2), (8, 2)]
    wave[6] = trial(6, 3.0, 0.6, end="complete")
    assert legs(halving_step(HALVING, wave)) == [(8, 2)]
    wave[8] = trial(8, 1.0, 0.62, end="complete")
    losers = halving_step(HALVING, wave).losers
    assert [loser.number for loser in losers] == [0, 1, 2, 3, 4, 5, 7]
    assert losers[0] == Loser(0, "target_loss 9 was not among the lowest of its wave at 1/9 of training")
    assert losers[-1].reason == "target_loss 0.7 was not among the lowest of its wave at 1/3 of training"


def test_a_second_finalist_that_is_far_off_is_stopped() -> None:
    wave = [trial(number, float(number), 9.0) for number in range(9)]
    wave[:3] = [trial(0, 0.0, 1.0), trial(1, 1.0, 1.2), trial(2, 2.0, 1.09)]
    assert legs(halving_step(HALVING, wave)) == [(0, 2), (2, 2)]
    wave[2] = trial(2, 2.0, 1.11)
    assert legs(halving_step(HALVING, wave)) == [(0, 2)]
    wave[0] = trial(0, 0.0, 1.0, end="diverged")
    assert legs(halving_step(HALVING, wave)) == [(1, 2), (2, 2)]


def test_of_equal_ones_the_first_goes_on() -> None:
    wave = [trial(number, 1.0) for number in (3, 1, 2, 0, 4, 5, 6, 7, 8)]
    assert legs(halving_step(HALVING, wave)) == [(0, 1), (1, 1), (2, 1)]


def test_who_breaks_on_the_way_makes_room_for_the_next_best() -> None:
    wave = [trial(number, float(number)) for number in range(9)]
    wave[0] = trial(0, end="diverged")
    assert legs(halving_step(HALVING, wave)) == [(1, 1), (2, 1), (3, 1)]
    wave[1] = trial(1, 1.0, end="diverged")
    assert legs(halving_step(HALVING, wave)) == [(2, 1), (3, 1), (4, 1)]


def test_who_breaks_later_keeps_its_place_at_the_rungs_it_reached() -> None:
    wave = [trial(number, float(number)) for number in range(9)]
    wave[:3] = [trial(0, 0.0, 0.9, end="diverged"), trial(1, 1.0, 1.0), trial(2, 2.0, 1.1)]
    assert legs(halving_step(HALVING, wave)) == [(1, 2), (2, 2)]


def test_a_trial_too_short_to_pause_is_complete_at_an_early_rung_and_ranked_by_it() -> None:
    wave = [trial(number, float(number)) for number in range(9)]
    wave[1] = trial(1, 1.0, end="complete")
    assert legs(halving_step(HALVING, wave)) == [(0, 1), (2, 1)]
    wave[0], wave[2] = trial(0, 0.0, 0.99), trial(2, 2.0, 0.5)
    assert legs(halving_step(HALVING, wave)) == [(2, 2)]


def test_a_trial_that_ended_early_keeps_its_place_and_takes_no_leg() -> None:
    wave = [trial(number, float(number)) for number in range(9)]
    wave[1] = dataclasses.replace(wave[1], rungs={0: RungReached(1, 0.0, 0, 1, 1, 1.0, is_end=True)})
    assert legs(halving_step(HALVING, wave)) == [(1, 0)]  # it is still to be scored
    wave[1].end = TrialCompleted(1, 0.0, 0.5, "adapter", 1.0, stopped_early="patience")
    assert legs(halving_step(HALVING, wave)) == [(0, 1), (2, 1)]
    wave[0], wave[2] = trial(0, 0.0, 1.05), trial(2, 2.0, 0.98)
    assert legs(halving_step(HALVING, wave)) == [(2, 2)]  # with trial 1 as the other finalist
    wave[2] = trial(2, 2.0, 0.98, end="complete")
    assert [loser.number for loser in halving_step(HALVING, wave).losers] == [0, 3, 4, 5, 6, 7, 8]


def test_a_wave_of_nothing_but_broken_trials_is_over() -> None:
    assert halving_step(HALVING, [trial(0, end="diverged"), trial(1, end="diverged")]) == WaveStep()


def test_train_all_stops_nobody() -> None:
    wave = [trial(0, end="complete"), trial(1), trial(2, end="diverged")]
    assert train_all_step(TRAIN_ALL, wave) == WaveStep(legs=(Leg(1, 0),))


@pytest.mark.parametrize(("trials", "share"), [(8, 1 / 3), (9, 1 / 3), (27, 1 / 3), (1, 1.0)])
def test_what_halving_lets_through(trials: int, share: float) -> None:
    assert expected_share(HALVING, trials) == pytest.approx(share)
    assert expected_share(TRAIN_ALL, trials) == 1.0
