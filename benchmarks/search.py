"""What stopping early costs and saves: tokens trained, and regret of the winner, over synthetic tasks.

    python benchmarks/search.py [--seeds 100] [--trials 8 27 81]

Every search runs through sweeper's own waves, pruners and sampler; only training is replaced, by the
learning curves of curves.py. `tokens` is the share of what all trials of the search would train to
their ends (rows are taken as equally long). `regret` is how far the winner's true score, the one
behind the noise of its cases, stays below the best of 4,000 configurations drawn at random. `worse
than none` is the mean difference in the winner's true score from training all, over the same tasks:
above 0 the winner is worse. Intervals are 95 %, by bootstrap over tasks. The last line of each block
spends on more trials what waves save.
"""

import argparse
import dataclasses
import math
import random
import sys
from fractions import Fraction
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.curves import Task, agreement
from sweeper.events import RungReached, TrialAsked, TrialCompleted, TrialDiverged, TrialPruned, TrialStarted
from sweeper.search.distributions import config_of, distribution_of
from sweeper.search.sampler import make_sampler
from sweeper.search.waves import Ask, Prune, Train, Waves
from sweeper.space.default_space import DEFAULT_SPACE
from sweeper.space.parameters import Choice, Constant, Range
from sweeper.space.pruner import HALVING, TRAIN_ALL, PrunerSettings
from sweeper.space.space import SearchSettings
from sweeper.space.trial_config import TrialConfig
from sweeper.standing import Standing

SPACE = {**DEFAULT_SPACE, "max_seq_length": Constant(1024)}
DISTRIBUTIONS = {
    name: distribution_of(each) for name, each in sorted(SPACE.items()) if isinstance(each, Choice | Range)
}
PRUNERS = {
    "waves": HALVING,
    "waves, 1 finalist": dataclasses.replace(HALVING, finalists=1),
    "asha": PrunerSettings("asha", 3, HALVING.rungs, 2, 1),
    "none, in waves": dataclasses.replace(TRAIN_ALL, wave=HALVING.wave),
    "none": TRAIN_ALL,
}


@dataclasses.dataclass
class Search:
    """One search on one task, run to its end by one worker."""

    task: Task
    search: SearchSettings
    standing: Standing = dataclasses.field(default_factory=Standing)
    params: list[dict[str, object]] = dataclasses.field(default_factory=list)
    known: list[FrozenTrial] = dataclasses.field(default_factory=list)
    examples: float = 0.0
    waves_told: int = 0

    def run(self) -> "Search":
        waves = Waves(self.search)
        while (action := waves.next_action(self.standing)) is not None:
            if isinstance(action, Ask):
                self._ask(action)
            elif isinstance(action, Prune):
                for loser in action.losers:
                    rung = max(self.standing.trials[loser.number].rungs)
                    self.standing.apply(TrialPruned(loser.number, 0.0, rung, loser.reason))
            else:
                assert isinstance(action, Train), "no twins are asked here, so none are copied"
                self._train(action.legs[0].number, action.legs[0].rung)
            self._tell()
        return self

    def _ask(self, action: Ask) -> None:
        params = self._proposed()
        self.params.append(params)
        self.known.append(create_trial(state=TrialState.RUNNING, params=params, distributions=DISTRIBUTIONS))
        config = config_of(SPACE, params)
        self.standing.apply(TrialAsked(action.number, 0.0, config, action.wave))

    def _proposed(self) -> dict[str, object]:
        """As Study proposes where a space has neither baseline, conditions nor constraints."""
        scratch = optuna.create_study(
            direction="maximize", sampler=make_sampler(self.search, len(self.known))
        )
        scratch.add_trials(self.known)
        return scratch.ask(dict(DISTRIBUTIONS)).params

    def _train(self, number: int, rung: int) -> None:
        trial, pruner = self.standing.trials[number], self.search.pruner
        before = max((pruner.rungs[each] for each in trial.rungs), default=Fraction(0))
        self.standing.apply(TrialStarted(number, 0.0, 1, 1, 1, 1, 1))
        share = pruner.rungs[rung]
        self.examples += float(share - before) * (trial.config.num_train_epochs or 1.0)
        if self.task.diverges(trial.config):
            self.standing.apply(TrialDiverged(number, 0.0, 1, "diverged"))
            return
        value = self.task.rung_value(number, trial.config, float(share))
        self.standing.apply(RungReached(number, 0.0, rung, 1, 1, value))
        if rung == pruner.last_rung:
            score = self.task.measured_score(number, trial.config)
            self.standing.apply(TrialCompleted(number, 0.0, score, "", 0.0))

    def _tell(self) -> None:
        """As Study does at the end of each wave."""
        while (wave := self.standing.wave(self.waves_told)) and self.standing.is_closed(self.waves_told):
            for trial in wave:
                end, number = trial.end, trial.number
                values = {rung: -reached.value for rung, reached in trial.rungs.items()}
                is_complete = isinstance(end, TrialCompleted)
                self.known[number] = create_trial(
                    state=TrialState.COMPLETE if is_complete else TrialState.PRUNED,
                    value=end.objective if isinstance(end, TrialCompleted) else None,
                    params=self.params[number],
                    distributions=DISTRIBUTIONS,
                    intermediate_values={} if isinstance(end, TrialDiverged) else values,
                )
            self.waves_told += 1

    @property
    def whole(self) -> float:
        """What all its trials would train, in passes over the rows."""
        return sum(t.config.num_train_epochs or 1.0 for t in self.standing.trials.values())

    @property
    def winner(self) -> TrialConfig | None:
        complete = [t for t in self.standing.trials.values() if isinstance(t.end, TrialCompleted)]
        best = max(complete, key=lambda t: (t.end.objective, -t.number), default=None)  # type: ignore[union-attr]
        return best.config if best else None

    @property
    def winner_score(self) -> float:
        return self.task.true_score(self.winner) if self.winner else 0.0


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean and 95 % bootstrap interval."""
    chance = random.Random(0)
    means = sorted(sum(chance.choices(values, k=len(values))) / len(values) for _ in range(2000))
    return sum(values) / len(values), means[49], means[1949]


def shown(values: list[float]) -> str:
    mean, low, high = interval(values)
    return f"{mean:7.4f} [{low:7.4f}, {high:7.4f}]"


def random_configs(seed: int, count: int) -> list[TrialConfig]:
    chance = random.Random(seed)
    return [
        TrialConfig(
            learning_rate=math.exp(chance.uniform(math.log(3e-5), math.log(1e-3))),
            lora_rank=chance.choice([8, 16, 32, 64]),
            effective_batch_size=chance.choice([4, 8, 16, 32]),
            num_train_epochs=chance.choice([1.0, 2.0, 3.0]),
        )
        for _ in range(count)
    ]


def block(trials: int, seeds: int) -> None:
    tasks = [Task.drawn(seed) for seed in range(seeds)]
    best = [max(map(task.true_score, random_configs(task.seed, 4000))) for task in tasks]
    found: dict[str, list[Search]] = {}
    for name, pruner in PRUNERS.items():
        found[name] = [Search(t, SearchSettings(trials, t.seed, "tpe", pruner)).run() for t in tasks]
    if trials <= 27:
        name = f"waves, {3 * trials} trials"
        found[name] = [Search(t, SearchSettings(3 * trials, t.seed, "tpe", HALVING)).run() for t in tasks]
    print(f"\n{trials} trials, {seeds} tasks")
    print(f"{'':20} {'tokens':>26} {'regret':>26} {'worse than none':>26}")
    for name, searches in found.items():
        own = found["none"] if "trials" in name else searches
        tokens = [s.examples / each.whole for s, each in zip(searches, own, strict=True)]
        regret = [top - s.winner_score for s, top in zip(searches, best, strict=True)]
        worse = [n.winner_score - s.winner_score for s, n in zip(searches, found["none"], strict=True)]
        print(f"{name:20} {shown(tokens):>26} {shown(regret):>26} {shown(worse):>26}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--trials", type=int, nargs="+", default=[8, 27, 81])
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    agreements = [
        agreement(Task.drawn(seed), random_configs(seed, 20), 1 / 9) for seed in range(options.seeds)
    ]
    print(f"order at 1/9 agrees with the end in {100 * sum(agreements) / len(agreements):.0f} % of pairs")
    for trials in options.trials:
        block(trials, options.seeds)


if __name__ == "__main__":
    main()
