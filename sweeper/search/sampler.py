"""The samplers that propose trials, made afresh for every proposal.

A sampler's random state is lost when the process ends. A new one for each trial, seeded from the
search's seed and the trial's number, proposes the same whether or not the driver was restarted.
"""

import hashlib

from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from sweeper.space.space import SearchSettings


def make_sampler(
    search: SearchSettings, number: int, attempt: int = 0, *, infeasible: int = 0, grouped: bool = False
) -> BaseSampler:
    """The sampler that proposes trial `number` at this attempt, and no other.

    A trial that breaks a constraint is drawn again, at the next attempt. `infeasible` trials were
    finished without training; they say nothing of what scores well. `grouped` where some parameters
    apply at times only: TPE then learns from trials that have the same ones.
    """
    seed = proposal_seed(search.seed, number, attempt)
    if search.sampler == "random":
        return RandomSampler(seed=seed)
    assert search.sampler == "tpe", "a grid needs no sampler: see proposal.py"
    startup = startup_trials(search.trials, search.pruner.wave) + infeasible
    return TPESampler(n_startup_trials=startup, seed=seed, group=grouped)


def proposal_seed(seed: int, number: int, attempt: int = 0) -> int:
    """32 bits for trial `number`; a hash, so that neighbouring seeds and numbers share nothing."""
    again = f":{attempt}" if attempt else ""
    digest = hashlib.sha256(f"{seed}:{number}{again}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def startup_trials(trials: int, wave: int = 1) -> int:
    """How many trials TPE draws at random first: a third, at most 10, at least 1.

    Optuna's own 10 would make a sweep of ten trials a random search. The first wave is random in any
    case; where it is 9 a startup of 10 would waste the second one too.
    """
    startup = max(1, min(10, trials // 3))
    return min(startup, wave) if wave > 1 else startup
