"""One proposal, from the trials before it: in memory, with nothing left behind."""

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from sweeper.search.sampler import make_sampler
from sweeper.space.space import SearchSettings


def propose(
    search: SearchSettings, distributions: Mapping[str, BaseDistribution], known: Sequence[FrozenTrial]
) -> dict[str, Any]:
    """The parameters of the trial that follows `known`, which are all before it, finished or not.

    The same for the same arguments: the sampler is made for this trial alone.
    """
    infeasible = sum(any(bound > 0 for bound in trial.constraints.values()) for trial in known)
    sampler = make_sampler(search, len(known), infeasible)
    scratch = optuna.create_study(direction="maximize", sampler=sampler)
    scratch.add_trials(known)
    return scratch.ask(dict(distributions)).params
