"""The one number a complete trial is chosen by; higher is better, whatever it is made of."""

from collections.abc import Callable

from sweeper.events import TrialCompleted
from sweeper.space.pruner import ObjectiveName
from sweeper.standing import TrialStanding


def objective_of(name: ObjectiveName, trial: TrialStanding) -> float:
    """The objective of a complete trial. Raises KeyError where its end's target_loss is not known."""
    return _OBJECTIVES[name](trial)


def _score(trial: TrialStanding) -> float:
    assert isinstance(trial.end, TrialCompleted)
    return trial.end.objective


def _target_loss(trial: TrialStanding) -> float:
    return -trial.rungs[max(trial.rungs)].value


_OBJECTIVES: dict[ObjectiveName, Callable[[TrialStanding], float]] = {
    "score": _score,
    "target_loss": _target_loss,
}
