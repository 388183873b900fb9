"""Optuna's asynchronous successive halving, asked about each trial as it comes to a rung."""

from collections.abc import Sequence

import optuna
from optuna.pruners import SuccessiveHalvingPruner

from sweeper.events import RungReached
from sweeper.search.halving import Leg, Loser, WaveStep
from sweeper.space.pruner import PrunerSettings
from sweeper.standing import Standing, TrialStanding


class Asha:
    """Optuna's pruner over a study in memory, which is fed from the standing in the log's order.

    So a resumed driver's pruner answers as the dead one's did. Rungs are steps 1, 3, 9 to it (powers
    of the reduction factor), since it takes whole numbers only; values are given as higher is better,
    as all values are in a sweep's study. It is never asked at the last rung, where a trial is done.
    """

    def __init__(self, pruner: PrunerSettings) -> None:
        self._settings = pruner
        self._pruner = SuccessiveHalvingPruner(min_resource=1, reduction_factor=pruner.reduction_factor)
        self._study = optuna.create_study(direction="maximize", pruner=self._pruner)
        self._trials: dict[int, optuna.Trial] = {}
        self._seen = 0
        self._losers: dict[int, Loser] = {}

    def step(self, standing: Standing, wave: Sequence[TrialStanding]) -> WaveStep:
        """What the wave needs next; the same for the same standing."""
        for event in standing.reached[self._seen :]:
            is_copied = standing.trials[event.trial].attempts == 0
            if event.rung < self._settings.last_rung and not is_copied:
                self._judge(event)
        self._seen = len(standing.reached)
        still_open = sorted(trial.number for trial in wave if trial.end is None)
        losers = tuple(self._losers[number] for number in still_open if number in self._losers)
        if losers:
            return WaveStep(losers=losers)
        return WaveStep(legs=tuple(Leg(n, self._next_rung(standing.trials[n])) for n in still_open))

    def _next_rung(self, trial: TrialStanding) -> int:
        """The one after the last reached; that one again where it was the trial's end: it is to be scored."""
        rung = max(trial.rungs, default=-1)
        is_end = rung in trial.rungs and trial.rungs[rung].is_end
        return rung if is_end else min(1 + rung, self._settings.last_rung)

    def _judge(self, event: RungReached) -> None:
        trial = self._trials.get(event.trial)
        if trial is None:
            trial = self._trials[event.trial] = self._study.ask()
        trial.report(-event.value, step=self._settings.reduction_factor**event.rung)
        if trial.should_prune() and not event.is_end:  # there is no training left to spare
            reached = f"{self._settings.rungs[event.rung]} of training"
            reason = f"target_loss {event.value:.4g} was not among the lowest seen at {reached}"
            self._losers[event.trial] = Loser(event.trial, reason)
