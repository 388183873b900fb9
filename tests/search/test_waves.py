"""A sweep decides the same whatever the number of workers, the order of events and the kills."""

import dataclasses
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.events import (
    RungReached,
    TrialAsked,
    TrialCompleted,
    TrialFailed,
    TrialInfeasible,
    TrialPruned,
    TrialStarted,
)
from sweeper.search.halving import Leg
from sweeper.search.waves import Ask, Prune, Train, Waves, honest_word
from sweeper.space.pruner import HALVING, TRAIN_ALL, PrunerSettings
from sweeper.space.space import SearchSettings
from sweeper.space.trial_config import TrialConfig
from sweeper.standing import Standing, standing_of
from tests.search.simulated import Simulation, outcome

ASHA = PrunerSettings("asha", 3, HALVING.rungs, 2, 1)

PRUNERS = st.builds(
    PrunerSettings,
    type=st.sampled_from(["halving", "none"]),
    reduction_factor=st.integers(2, 4),
    rungs=st.sampled_from(
        [
            HALVING.rungs,
            (Fraction(1),),
            (Fraction(1, 4), Fraction(1)),
            (*HALVING.rungs[:2], Fraction(2, 3), Fraction(1)),
        ]
    ),
    finalists=st.integers(1, 3),
    wave=st.integers(1, 9),
)

EARLY = st.sampled_from([0.0, 0.3, 1.0])
"""How many legs end their trials before the last rung."""


@given(PRUNERS, st.integers(1, 25), st.integers(), st.integers(1, 5), st.integers(), EARLY)
@settings(max_examples=300, deadline=None)
def test_workers_order_and_kills_change_nothing(
    pruner: PrunerSettings, trials: int, world: int, workers: int, chance: int, early: float
) -> None:
    search = SearchSettings(trials, 0, "tpe", pruner)
    calm = Simulation(search, world, random.Random(0), early=early)
    rough = Simulation(search, world, random.Random(chance), workers, 0.15, early=early)
    assert outcome(rough.run()) == outcome(calm.run())
    assert len(calm.trained) == len(set(calm.trained))  # no leg twice
    assert set(calm.trained) == set(rough.trained)


@given(PRUNERS, st.integers(1, 25), st.integers(), st.integers(1, 5), st.integers(), st.integers(1, 8), EARLY)
@settings(max_examples=300, deadline=None)
def test_nor_where_trials_train_the_same(
    pruner: PrunerSettings, trials: int, world: int, workers: int, chance: int, kinds: int, early: float
) -> None:
    """Parameters of few kinds: many trials of a wave, and of waves before, are twins."""
    search = SearchSettings(trials, 0, "tpe", pruner)
    calm = Simulation(search, world, random.Random(0), kinds=kinds, early=early)
    rough = Simulation(search, world, random.Random(chance), workers, 0.15, kinds=kinds, early=early)
    standing = calm.run()
    assert outcome(rough.run()) == outcome(standing)
    assert set(calm.trained) == set(rough.trained)
    assert standing.finished_count() == trials
    for trial in standing.trials.values():
        lead = standing.trials[trial.lead]
        if trial.twin_of is not None and not isinstance(lead.end, TrialFailed | TrialInfeasible):
            assert trial.attempts == 0  # nothing was trained twice
            assert trial.end == dataclasses.replace(lead.end, trial=trial.number)  # type: ignore[type-var]


@given(st.integers(), st.integers(1, 12), st.integers(), EARLY)
@settings(max_examples=50, deadline=None)
def test_asha_is_the_same_over_kills(world: int, trials: int, chance: int, early: float) -> None:
    search = SearchSettings(trials, 0, "tpe", ASHA)
    calm, rough = (
        Simulation(search, world, random.Random(chance), kill_share=share, early=early)
        for share in (0.0, 0.15)
    )
    assert outcome(rough.run()) == outcome(calm.run())


@given(PRUNERS, st.integers(1, 25), st.integers())
@settings(max_examples=100, deadline=None)
def test_every_trial_ends_once_and_no_wave_begins_before_the_last_is_over(
    pruner: PrunerSettings, trials: int, world: int
) -> None:
    simulation = Simulation(SearchSettings(trials, 0, "tpe", pruner), world, random.Random(1), workers=3)
    standing = simulation.run()
    assert standing.finished_count() == trials == len(standing.trials)
    running = Standing()
    for event in simulation.events:
        if isinstance(event, TrialAsked) and event.wave > running.last_wave():
            assert running.is_closed(running.last_wave())
            assert len(running.wave(running.last_wave())) in (0, pruner.wave)
        running.apply(event)


@pytest.mark.parametrize(("trials", "share"), [(8, 1 / 3), (9, 1 / 3), (27, 1 / 3), (81, 1 / 3)])
def test_a_wave_trains_a_third_of_all_examples_at_most(trials: int, share: float) -> None:
    search = SearchSettings(trials, 0, "tpe", HALVING)
    simulation = Simulation(search, 3, random.Random(0), breaks=0)
    simulation.run()
    upto = {0: Fraction(0), **{rung + 1: part for rung, part in enumerate(HALVING.rungs)}}
    cost = sum(upto[rung + 1] - upto[rung] for _, rung in simulation.trained)
    assert float(cost) <= share * trials + 1e-9
    assert cost >= trials / 5


def test_asha_stops_the_weak_as_optuna_does_and_is_not_asked_at_the_end() -> None:
    standing, waves = Standing(), Waves(SearchSettings(4, 0, "tpe", ASHA))
    losses = {0: 2.0, 1: 3.0, 2: 1.0, 3: 1.5}
    ends: dict[int, str] = {}
    while (action := waves.next_action(standing)) is not None:
        if isinstance(action, Ask):
            standing.apply(TrialAsked(action.number, 0.0, TrialConfig(), action.wave))
        elif isinstance(action, Prune):
            assert len(action.losers) == 1
            loser = action.losers[0]
            ends[loser.number] = "pruned"
            standing.apply(TrialPruned(loser.number, 0.0, 0, loser.reason))
        else:
            assert isinstance(action, Train)
            (leg,) = action.legs
            standing.apply(TrialStarted(leg.number, 0.0, 1, 1, 1, 9, 9))
            value = losses[leg.number] / (leg.rung + 1)
            standing.apply(RungReached(leg.number, 0.0, leg.rung, 1, 1, value))
            if leg.rung == ASHA.last_rung:
                ends[leg.number] = "complete"
                standing.apply(TrialCompleted(leg.number, 0.0, 1.0, "adapter", 1.0))
    # The first is always the best so far; 3.0 is not; of 2.0 3.0 1.0 the best goes on; of four still one.
    assert ends == {0: "complete", 1: "pruned", 2: "complete", 3: "pruned"}


def test_a_trial_that_ended_early_is_scored_before_its_wave_goes_on_and_is_never_stopped() -> None:
    wave = [TrialAsked(number, 0.0, TrialConfig(), 0) for number in range(3)]
    search = SearchSettings(3, 0, "tpe", dataclasses.replace(HALVING, finalists=1))
    standing = standing_of([*wave, *(RungReached(n, 0.0, 0, 1, 1, 1.0 + n, n == 2) for n in range(3))])
    assert Waves(search).next_action(standing) == Train((Leg(2, 0),))
    standing.apply(TrialCompleted(2, 0.0, 0.5, "adapter", 1.0, stopped_early="patience"))
    assert Waves(search).next_action(standing) == Train((Leg(0, 1),))
    asha = Waves(SearchSettings(3, 0, "tpe", dataclasses.replace(ASHA, wave=3)))
    standing = standing_of([*wave, *(RungReached(n, 0.0, 0, 1, 1, 1.0 + n, True) for n in range(3))])
    assert asha.next_action(standing) == Train((Leg(0, 0), Leg(1, 0), Leg(2, 0)))


def test_a_wave_grows_until_its_first_trial_is_taken_up() -> None:
    few, more = SearchSettings(2, 0, "tpe", HALVING), SearchSettings(5, 0, "tpe", HALVING)
    standing = Standing()
    for number in range(2):
        assert Waves(few).next_action(standing) == Ask(number, 0)
        standing.apply(TrialAsked(number, 0.0, TrialConfig(), 0))
    assert isinstance(Waves(few).next_action(standing), Train)
    assert Waves(more).next_action(standing) == Ask(2, 0)
    standing.apply(TrialStarted(0, 0.0, 1, 1, 1, 9, 9))
    assert isinstance(Waves(more).next_action(standing), Train)


def test_raised_trials_come_as_a_wave_of_their_own() -> None:
    search = SearchSettings(5, 0, "tpe", HALVING)
    simulation = Simulation(search, 1, random.Random(0))
    simulation.run()
    simulation.search = dataclasses.replace(search, trials=9)
    standing = simulation.run()
    assert [len(standing.wave(wave)) for wave in (0, 1)] == [5, 4]


def test_a_search_of_one_wave_says_so() -> None:
    word = honest_word(SearchSettings(9, 0, "tpe", HALVING))
    assert word is not None
    assert "9 trials are one wave" in word
    assert "random search with early stopping" in word
    assert honest_word(SearchSettings(10, 0, "tpe", HALVING)) is None
    assert honest_word(SearchSettings(9, 0, "random", HALVING)) is None
    assert honest_word(SearchSettings(9, 0, "tpe", TRAIN_ALL)) is None
    assert honest_word(SearchSettings(1, 0, "tpe", TRAIN_ALL)) is None  # one trial is no search
