"""A sweep without a model: workers that take random time, die and come back, and a driver that is killed."""

import hashlib
import random
from dataclasses import dataclass, field

from sweeper.events import (
    BASE_TRIAL,
    DriverStarted,
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
from sweeper.search.halving import Leg
from sweeper.search.waves import Ask, Prune, Waves
from sweeper.space.space import SearchSettings
from sweeper.space.trial_config import TrialConfig
from sweeper.standing import Standing, standing_of


def unit(*parts: object) -> float:
    """A number from 0 to 1 that hangs on `parts` alone."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def proposal(number: int, standing: Standing) -> TrialConfig:
    """Hangs on all that was told, which is what finished waves left and what was turned away."""
    closed = [t for t in standing.trials.values() if standing.is_closed(t.wave) or t.is_turned_away]
    told = [(t.number, t.config, type(t.end).__name__, sorted(t.rungs)) for t in closed]
    return TrialConfig(learning_rate=1e-4 + unit(number, told))


@dataclass
class Simulation:
    """`search` over `workers`, with fates drawn from `world` and times and kills from `chance`."""

    search: SearchSettings
    world: int
    chance: random.Random
    workers: int = 1
    kill_share: float = 0.0
    breaks: float = 0.2
    misfits: float = 0.0
    events: list[Event] = field(default_factory=list)
    trained: list[tuple[int, int]] = field(default_factory=list)

    def run(self) -> Standing:
        while True:
            standing, waves = standing_of(self.events), Waves(self.search)
            self._log(standing, DriverStarted(BASE_TRIAL, 0.0))
            if self._drive(standing, waves):
                return standing

    def _log(self, standing: Standing, event: Event) -> None:
        self.events.append(event)
        standing.apply(event)

    def _drive(self, standing: Standing, waves: Waves) -> bool:
        """False when the driver was killed."""
        in_hand: list[Leg] = []
        self._turn_away(standing)
        while (action := waves.next_action(standing)) is not None:
            if self._is_killed() or (isinstance(action, Ask) and not self._ask(standing, action)):
                return False
            if isinstance(action, Ask):
                continue
            if isinstance(action, Prune):
                for loser in action.losers:
                    rung = max(standing.trials[loser.number].rungs)
                    self._log(standing, TrialPruned(loser.number, 0.0, rung, loser.reason))
                    if self._is_killed():
                        return False
            else:
                waiting = [leg for leg in action.legs if leg not in in_hand]
                while waiting and len(in_hand) < self.workers:
                    leg = waiting.pop(0)
                    attempt = standing.trials[leg.number].next_attempt
                    self._log(standing, TrialStarted(leg.number, 0.0, attempt, 1, 1, 9, 9))
                    in_hand.append(leg)
                done = in_hand.pop(self.chance.randrange(len(in_hand)))
                for event in self._end_of(done):
                    self._log(standing, event)
                    if self._is_killed():
                        return False
        return True

    def _ask(self, standing: Standing, action: Ask) -> bool:
        """False when the driver was killed before it judged what was proposed."""
        config = proposal(action.number, standing)
        self._log(standing, TrialAsked(action.number, 0.0, config, action.wave))
        if self._is_killed():
            return False
        self._turn_away(standing)
        return True

    def _is_killed(self) -> bool:
        return self.chance.random() < self.kill_share

    def _turn_away(self, standing: Standing) -> None:
        for trial in list(standing.trials.values()):
            if trial.end is None and unit(self.world, "fits", trial.number) < self.misfits:
                self._log(standing, TrialInfeasible(trial.number, 0.0, 1e9, "does not fit", 10**9))

    def _end_of(self, leg: Leg) -> list[Event]:
        self.trained.append((leg.number, leg.rung))
        fate = unit(self.world, "fate", leg.number, leg.rung)
        if fate < self.breaks:
            kinds: list[Event] = [
                TrialDiverged(leg.number, 0.0, 1, "nan"),
                TrialFailed(leg.number, 0.0, 2, "lost", final=True),
                TrialInfeasible(leg.number, 0.0, 1e9, "lacks memory"),
            ]
            return [kinds[int(fate / self.breaks * 3)]]
        value = round(unit(self.world, "loss", leg.number, leg.rung), 1)  # rounded, so that some are equal
        reached = RungReached(leg.number, 0.0, leg.rung, 1, 1, value)
        if leg.rung < self.search.pruner.last_rung:
            return [reached]
        score = unit(self.world, "score", leg.number)
        return [reached, TrialCompleted(leg.number, 0.0, score, "adapter", 1.0)]


def outcome(standing: Standing) -> list[tuple[object, ...]]:
    """All that Optuna is told, and the parameters it was told of."""
    return [
        (t.number, t.wave, t.config, type(t.end).__name__, {r: e.value for r, e in sorted(t.rungs.items())})
        for t in standing.trials.values()
    ]
