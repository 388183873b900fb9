"""What a sweep does next, as a function of its settings and its standing alone.

A driver that was killed and started again, or one with more workers, so decides the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sweeper.search.asha import Asha
from sweeper.search.halving import Leg, Loser, WaveStep, halving_step, train_all_step
from sweeper.search.twins import Copy, copies, runners
from sweeper.space.pruner import PrunerName, PrunerSettings
from sweeper.space.space import SearchSettings
from sweeper.standing import Standing, TrialStanding


@dataclass(frozen=True, slots=True)
class Ask:
    """Have trial `number` proposed, in `wave`."""

    number: int
    wave: int


@dataclass(frozen=True, slots=True)
class Prune:
    """Stop these trials, in this order."""

    losers: tuple[Loser, ...]


@dataclass(frozen=True, slots=True)
class Train:
    """Train these legs, side by side or in any order; those that a worker has are among them."""

    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True)
class Mirror:
    """End these twins as what they copy has ended, in this order."""

    copies: tuple[Copy, ...]


Action = Ask | Prune | Train | Mirror

StepOf = Callable[[Standing, Sequence[TrialStanding]], WaveStep]


class Waves:
    """The order of a sweep: a wave is asked whole, trained and stopped by its pruner, then the next."""

    def __init__(self, search: SearchSettings) -> None:
        self._search = search
        self._step: StepOf = _PRUNERS[search.pruner.type](search.pruner)

    def next_action(self, standing: Standing, may_ask: bool = True) -> Action | None:
        """None when all trials have ended, and where none of them may be asked, all that were.

        A wave is of `search.pruner.wave` trials, fewer where `search.trials` ends before. As long as
        nothing of it was trained it still grows if `search.trials` was raised between two starts.
        Trials that were turned away are replaced, but for those of a grid, which has no others.
        """
        asked, number = len(standing.trials), standing.last_wave()
        is_grid = self._search.sampler == "grid"
        spent = asked - (0 if is_grid else standing.turned_away_count())
        may_ask &= spent < self._search.trials
        wave = [trial for trial in standing.wave(number) if not trial.is_turned_away]
        is_begun = any(trial.attempts > 0 or trial.end is not None for trial in wave)
        if number < 0 or (is_begun and standing.is_closed(number)):
            return Ask(asked, number + 1) if may_ask else None
        if not is_begun and len(wave) < self._search.pruner.wave and may_ask:
            return Ask(asked, number)
        if not wave:
            return None
        if found := copies(standing, wave):
            return Mirror(found)
        step = self._step(standing, runners(standing, wave))
        return Prune(step.losers) if step.losers else Train(step.legs)


def honest_word(search: SearchSettings) -> str | None:
    """A line for a search that learns nothing from its trials while it proposes them, else None."""
    if search.sampler != "tpe" or not 1 < search.trials <= search.pruner.wave:
        return None
    stopping = "" if search.pruner.type == "none" else " with early stopping"
    return (
        f"{search.trials} trials are one wave, proposed before any is trained: a random search{stopping}. "
        f"From trial {search.pruner.wave + 1} on it would learn from those before"
    )


def _halving(pruner: PrunerSettings) -> StepOf:
    return lambda _, wave: halving_step(pruner, wave)


def _none(pruner: PrunerSettings) -> StepOf:
    return lambda _, wave: train_all_step(pruner, wave)


def _asha(pruner: PrunerSettings) -> StepOf:
    return Asha(pruner).step


_PRUNERS: dict[PrunerName, Callable[[PrunerSettings], StepOf]] = {
    "halving": _halving,
    "asha": _asha,
    "none": _none,
}
