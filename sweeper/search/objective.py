"""The one number a complete trial is chosen by; higher is better, whatever it is made of."""

from sweeper.space.objective import Objective
from sweeper.standing import TrialStanding


def objective_of(objective: Objective, trial: TrialStanding) -> float:
    """The objective of a trial that was trained to its end and scored; `objective` names suites.

    Raises KeyError where a suite's score or the last rung's target_loss is not known.
    """
    total = 0.0
    for suite, weight in objective.score_weights.items():
        score = trial.scores[suite]
        assert score is not None, "a suite that scores no case is refused as objective"
        total += weight * score
    if objective.loss_weight:
        total -= objective.loss_weight * trial.rungs[max(trial.rungs)].value
    return total
