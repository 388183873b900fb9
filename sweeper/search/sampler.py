"""The samplers that propose trials, made afresh for every proposal.

A sampler's random state is lost when the process ends. A new one for each trial, seeded from the
search's seed and the trial's number, proposes the same whether or not the driver was restarted.
"""

import hashlib
from collections.abc import Callable

from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from sweeper.space.space import SamplerName, SearchSettings


def make_sampler(search: SearchSettings, number: int, infeasible: int = 0) -> BaseSampler:
    """The sampler that proposes trial `number`, and no other.

    `infeasible` trials were finished without training; they say nothing of what scores well.
    """
    return _SAMPLERS[search.sampler](search, proposal_seed(search.seed, number), infeasible)


def proposal_seed(seed: int, number: int) -> int:
    """32 bits for trial `number`; a hash, so that neighbouring seeds and numbers share nothing."""
    digest = hashlib.sha256(f"{seed}:{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def startup_trials(trials: int, wave: int = 1) -> int:
    """How many trials TPE draws at random first: a third, at most 10, at least 1.

    Optuna's own 10 would make a sweep of ten trials a random search. The first wave is random in any
    case; where it is 9 a startup of 10 would waste the second one too.
    """
    startup = max(1, min(10, trials // 3))
    return min(startup, wave) if wave > 1 else startup


def _tpe(search: SearchSettings, seed: int, infeasible: int) -> BaseSampler:
    startup = startup_trials(search.trials, search.pruner.wave)
    return TPESampler(n_startup_trials=startup + infeasible, seed=seed)


def _random(search: SearchSettings, seed: int, infeasible: int) -> BaseSampler:
    return RandomSampler(seed=seed)


_SAMPLERS: dict[SamplerName, Callable[[SearchSettings, int, int], BaseSampler]] = {
    "tpe": _tpe,
    "random": _random,
}
