"""The samplers that propose trials, made afresh for every proposal.

A sampler's random state is lost when the process ends. A new one for each trial, seeded from the
search's seed and the trial's number, proposes the same whether or not the driver was restarted.
"""

import hashlib
from collections.abc import Callable

from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from sweeper.space.space import SamplerName, SearchSettings


def make_sampler(
    search: SearchSettings, number: int, attempt: int = 0, *, grouped: bool = False
) -> BaseSampler:
    """The sampler that proposes trial `number` at this attempt, and no other.

    A trial that breaks a constraint is drawn again, at the next attempt. `grouped` where some
    parameters apply at times only: TPE then learns from trials that have the same ones.
    """
    return _SAMPLERS[search.sampler](search, proposal_seed(search.seed, number, attempt), grouped)


def proposal_seed(seed: int, number: int, attempt: int = 0) -> int:
    """32 bits for trial `number`; a hash, so that neighbouring seeds and numbers share nothing."""
    again = f":{attempt}" if attempt else ""
    digest = hashlib.sha256(f"{seed}:{number}{again}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def startup_trials(trials: int) -> int:
    """How many trials TPE draws at random first: a third, at most 10, at least 1.

    Optuna's own 10 would make a sweep of ten trials a random search.
    """
    return max(1, min(10, trials // 3))


def _tpe(search: SearchSettings, seed: int, grouped: bool) -> BaseSampler:
    return TPESampler(n_startup_trials=startup_trials(search.trials), seed=seed, group=grouped)


def _random(search: SearchSettings, seed: int, grouped: bool) -> BaseSampler:
    return RandomSampler(seed=seed)


_SAMPLERS: dict[SamplerName, Callable[[SearchSettings, int, bool], BaseSampler]] = {
    "tpe": _tpe,
    "random": _random,
}
"""A grid needs none: see proposal.py. Optuna's own stops a study from within, which ours is not run by."""
