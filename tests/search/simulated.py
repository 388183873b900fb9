"""A sweep without a model: workers that take random time, die and come back, and a driver that is killed."""

import dataclasses
import hashlib
import random
from collections.abc import Iterable
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
from sweeper.search.halving import Leg, Loser
from sweeper.search.twins import Copy, lead_of
from sweeper.search.waves import Ask, Mirror, Prune, Train, Waves
from sweeper.space.space import SearchSettings
from sweeper.space.trial_config import TrialConfig
from sweeper.standing import Standing, standing_of


def unit(*parts: object) -> float:
    """A number from 0 to 1 that hangs on `parts` alone."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def proposal(number: int, standing: Standing, kinds: int | None) -> TrialConfig:
    """Hangs on all that was told, which is what finished waves left. One of `kinds`, where that is set."""
    closed = [t for t in standing.trials.values() if standing.is_closed(t.wave)]
    told = [(t.number, t.config, type(t.end).__name__, sorted(t.rungs)) for t in closed]
    drawn = unit(number, told)
    return TrialConfig(learning_rate=1e-4 + (drawn if kinds is None else int(kinds * drawn)))


@dataclass
class Simulation:
    """`search` over `workers`, with fates drawn from `world` and times and kills from `chance`.

    A trial that ends on a leg, at the last rung or stopped early, tells its rung first and its score later:
    other workers' events come between.
    """

    search: SearchSettings
    world: int
    chance: random.Random
    workers: int = 1
    kill_share: float = 0.0
    breaks: float = 0.2
    early: float = 0.0
    kinds: int | None = None
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

    def _survives(self, standing: Standing, events: Iterable[Event]) -> bool:
        """Logs them one by one; false when the driver was killed among them."""
        for event in events:
            self._log(standing, event)
            if self.chance.random() < self.kill_share:
                return False
        return True

    def _drive(self, standing: Standing, waves: Waves) -> bool:
        """False when the driver was killed."""
        in_hand: dict[Leg, list[Event]] = {}
        while (action := waves.next_action(standing)) is not None:
            if self.chance.random() < self.kill_share:
                return False
            if isinstance(action, Ask):
                config = proposal(action.number, standing, self.kinds)
                lead = lead_of(standing, config, action.wave, 100)
                self._log(standing, TrialAsked(action.number, 0.0, config, action.wave, lead))
                continue
            if isinstance(action, Mirror):
                events = [event for copy in action.copies for event in self._copied(standing, copy)]
            elif isinstance(action, Prune):
                assert not {leg.number for leg in in_hand} & {loser.number for loser in action.losers}
                events = [self._pruned(standing, loser) for loser in action.losers]
            else:
                events = self._train(standing, action, in_hand)
            if not self._survives(standing, events):
                return False
        return True

    def _pruned(self, standing: Standing, loser: Loser) -> Event:
        rung = max(standing.trials[loser.number].rungs, default=None)
        return TrialPruned(loser.number, 0.0, rung, loser.reason)

    def _train(self, standing: Standing, action: Train, in_hand: dict[Leg, list[Event]]) -> list[Event]:
        """Fills the workers; what one of them tells next. `in_hand` has what each is still to tell."""
        waiting = [leg for leg in action.legs if leg not in in_hand]
        while waiting and len(in_hand) < self.workers:
            leg = waiting.pop(0)
            attempt = standing.trials[leg.number].next_attempt
            self._log(standing, TrialStarted(leg.number, 0.0, attempt, 1, 1, 9, 9))
            self.trained.append((leg.number, leg.rung))
            in_hand[leg] = self._end_of(leg, standing)
        leg = self.chance.choice(list(in_hand))
        event = in_hand[leg].pop(0)
        if not in_hand[leg]:
            del in_hand[leg]
        return [event]

    def _copied(self, standing: Standing, copy: Copy) -> list[Event]:
        known, own = standing.trials[copy.source], standing.trials[copy.number].rungs
        assert known.end is not None
        events = [known.rungs[rung] for rung in sorted(known.rungs) if rung not in own]
        return [dataclasses.replace(event, trial=copy.number) for event in (*events, known.end)]

    def _end_of(self, leg: Leg, standing: Standing) -> list[Event]:
        """What a trial learns hangs on what it trains, what becomes of its worker on its number."""
        lead = standing.trials[leg.number].lead
        if unit(self.world, "diverges", lead, leg.rung) < self.breaks / 3:
            return [TrialDiverged(leg.number, 0.0, 1, "nan")]
        fate = unit(self.world, "fate", leg.number, leg.rung)
        if fate < self.breaks / 3:
            return [TrialFailed(leg.number, 0.0, 2, "lost", final=True)]
        if fate < self.breaks * 2 / 3:
            return [TrialInfeasible(leg.number, 0.0, 1e9, "lacks memory")]
        value = round(unit(self.world, "loss", lead, leg.rung), 1)  # rounded, so that some are equal
        is_last = leg.rung == self.search.pruner.last_rung
        is_end = is_last or unit(self.world, "early", lead, leg.rung) < self.early
        reached = RungReached(leg.number, 0.0, leg.rung, 1, 1, value, is_end)
        if not is_end:
            return [reached]
        if unit(self.world, "scoring", leg.number) < self.breaks / 4:
            return [reached, TrialFailed(leg.number, 0.0, 2, "lost while it was scored", final=True)]
        score = unit(self.world, "score", lead)
        return [reached, TrialCompleted(leg.number, 0.0, score, "adapter", 1.0)]


def outcome(standing: Standing) -> list[tuple[object, ...]]:
    """All that Optuna is told, and the parameters it was told of."""
    return [
        (t.number, t.wave, t.config, type(t.end).__name__, {r: e.value for r, e in sorted(t.rungs.items())})
        for t in standing.trials.values()
    ]
