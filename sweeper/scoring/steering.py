"""Which suites steer a search: its objective held against the dev suites that are there."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from sweeper.errors import InputError
from sweeper.scoring.suite import Case, Suite
from sweeper.space.objective import AUTO, LOSS_NAME, SCORE, SCORE_NAME, TARGET_LOSS, Objective
from sweeper.space.suggest import did_you_mean

LONGEST_TO_THE_LETTER = 80
"""Characters. Answers that are longer at the median have too many right wordings to compare to the letter."""


def steering_objective(objective: Objective, dev: Sequence[Suite], place: Path) -> Objective:
    """`objective` over the suites' own names, `auto` decided. `dev` is in the file's order.

    Raises InputError, with the space file as its place, for a name that no dev suite has.
    """
    if objective == AUTO:
        objective = SCORE if can_be_checked(dev[0]) else TARGET_LOSS
    names = [suite.name for suite in dev]
    weights: dict[str, float] = {}
    for name, weight in objective.weights:
        known = dev[0].name if name == SCORE_NAME else name
        if known not in (*names, LOSS_NAME):
            raise InputError(
                f"{place}: search.objective",
                f"no suite of evaluation.dev is called '{name}'",
                did_you_mean(name, [SCORE_NAME, LOSS_NAME, *names], f"Suites there: {', '.join(names)}"),
            )
        weights[known] = weights.get(known, 0.0) + weight
    return Objective(tuple(weights.items()))


def steering_first(objective: Objective, dev: Sequence[Suite]) -> tuple[Suite, ...]:
    """`dev` with the suite of the largest weight before the others.

    It is scored first, and losses at rungs are of its expected answers; where no score counts, that is
    the file's first one. `objective` is as `steering_objective` gives it.
    """
    weights = objective.score_weights
    return tuple(sorted(dev, key=lambda suite: -weights.get(suite.name, 0.0)))


def can_be_checked(suite: Suite) -> bool:
    """Whether a rule can tell right answers of `suite` from wrong ones, as `auto` sees it.

    Where no case asks more than `expected` to the letter, only if those are short: of a long text there
    are many right wordings. A suite that expects nothing counts as one to check; it is refused as such.
    """
    if any(_has_own_rule(case) for case in suite.cases):
        return True
    expected = [case.expected for case in suite.cases if case.expected]
    is_scored = any(case.is_scored and not case.assertions for case in suite.cases)
    if not expected:
        return True
    return is_scored and statistics.median(map(len, expected)) <= LONGEST_TO_THE_LETTER


def _has_own_rule(case: Case) -> bool:
    return any(check.weight > 0 and check.type != "judge" for check in case.assertions)
