"""Of trials that train the same one trains; the others end as it does."""

from sweeper.events import (
    Event,
    RungReached,
    TrialAsked,
    TrialCompleted,
    TrialDiverged,
    TrialFailed,
    TrialInfeasible,
    TrialPruned,
    TrialStarted,
)
from sweeper.search.twins import Copy, copies, lead_of, runners
from sweeper.search.waves import Mirror, Prune, Train, Waves
from sweeper.space.pruner import HALVING
from sweeper.space.space import SearchSettings
from sweeper.space.trial_config import TrialConfig
from sweeper.standing import Standing, standing_of

LONGEST = 72
SHORT, LONG, LONGER = (TrialConfig(max_seq_length=length) for length in (64, 1024, 2048))


def asked(*configs: TrialConfig, wave: int = 0, standing: Standing | None = None) -> Standing:
    standing = standing or Standing()
    for config in configs:
        lead = lead_of(standing, config, wave, LONGEST)
        standing.apply(TrialAsked(len(standing.trials), 0.0, config, wave, lead))
    return standing


def then(standing: Standing, *events: Event) -> Standing:
    for event in events:
        standing.apply(event)
    return standing


def done(number: int, value: float = 1.0) -> list[Event]:
    rungs = [RungReached(number, 0.0, rung, 1, 1, value) for rung in range(3)]
    return [TrialStarted(number, 0.0, 1, 1, 1, 9, 9), *rungs, TrialCompleted(number, 0.0, 0.5, "a", 1.0)]


def test_lengths_that_cut_no_row_train_the_same() -> None:
    standing = asked(LONG, SHORT, LONGER, LONG)
    assert [trial.twin_of for trial in standing.trials.values()] == [None, None, 0, 0]
    assert lead_of(standing, LONGER, 0, longest_row=1500) is None


def test_of_earlier_waves_only_what_says_how_it_would_end() -> None:
    assert asked(LONG, wave=1, standing=then(asked(LONG), *done(0))).trials[1].twin_of == 0
    diverged = then(asked(LONG), TrialDiverged(0, 0.0, 1, "nan"))
    assert asked(LONG, wave=1, standing=diverged).trials[1].twin_of == 0
    for end in (TrialPruned(0, 0.0, 0, "weak"), TrialFailed(0, 0.0, 2, "lost", final=True)):
        assert asked(LONG, wave=1, standing=then(asked(LONG), end)).trials[1].twin_of is None


def test_a_twin_waits_holds_no_place_and_ends_as_its_lead() -> None:
    standing = asked(LONG, LONGER, *(TrialConfig(lora_rank=rank) for rank in (1, 2, 3)), SHORT)
    wave = standing.wave(0)
    assert [trial.number for trial in runners(standing, wave)] == [0, 2, 3, 4, 5]
    assert copies(standing, wave) == ()
    then(standing, TrialDiverged(0, 0.0, 1, "nan"))
    assert copies(standing, wave) == (Copy(1, 0),)
    assert Waves(SearchSettings(6, 0, "tpe", HALVING)).next_action(standing) == Mirror((Copy(1, 0),))


def test_a_pruned_lead_prunes_its_twin() -> None:
    standing, waves = asked(LONG, LONGER, SHORT), Waves(SearchSettings(3, 0, "tpe", HALVING))
    pruner = waves._search.pruner
    assert pruner.finalists == 2  # so of two runners neither is stopped before the last rung's margin
    then(standing, TrialStarted(0, 0.0, 1, 1, 1, 9, 9), TrialStarted(2, 0.0, 1, 1, 1, 9, 9))
    for rung in (0, 1):
        then(standing, RungReached(0, 0.0, rung, 1, 1, 9.0), RungReached(2, 0.0, rung, 1, 1, 1.0))
    then(standing, *done(2)[3:])
    action = waves.next_action(standing)
    assert isinstance(action, Prune)
    assert [loser.number for loser in action.losers] == [0]
    then(standing, TrialPruned(0, 0.0, 1, action.losers[0].reason))
    assert waves.next_action(standing) == Mirror((Copy(1, 0),))


def test_where_the_lead_fails_the_next_one_trains_in_its_stead() -> None:
    standing = asked(LONG, LONGER, LONG, SHORT)
    started = [TrialStarted(number, 0.0, 1, 1, 1, 9, 9) for number in (0, 3)]
    reached = [RungReached(number, 0.0, 0, 1, 1, 2.0) for number in (0, 3)]
    then(standing, *started, *reached, TrialFailed(0, 0.0, 2, "lost", final=True))
    assert [trial.number for trial in runners(standing, standing.wave(0))] == [1, 3]
    action = Waves(SearchSettings(4, 0, "tpe", HALVING)).next_action(standing)
    assert isinstance(action, Train)
    assert [(leg.number, leg.rung) for leg in action.legs] == [(1, 0)]
    then(standing, *done(1))
    assert copies(standing, standing.wave(0)) == (Copy(2, 1),)


def test_what_does_not_fit_is_nobodys_lead() -> None:
    standing = then(asked(LONG), TrialInfeasible(0, 0.0, 1e9, "lacks memory"))
    assert asked(LONGER, standing=standing).trials[1].twin_of is None
    standing = then(asked(LONG, LONGER), TrialInfeasible(0, 0.0, 1e9, "lacks memory"))
    without = [trial for trial in standing.wave(0) if trial.number != 0]  # as where it counts for nothing
    assert [trial.number for trial in runners(standing, without)] == [1]


def test_logs_of_before_have_no_twins() -> None:
    events = [TrialAsked(number, 0.0, LONG) for number in range(2)]
    standing = standing_of(events)
    assert [trial.number for trial in runners(standing, standing.wave(0))] == [0, 1]
