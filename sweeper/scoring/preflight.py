"""What a suite needs besides its file: a score that can steer a search, and a judge that is there."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeper.errors import InputError
from sweeper.scoring.assertions.judge import client, problem_of
from sweeper.scoring.load_suite import load_suites
from sweeper.scoring.steering import steering_first, steering_objective
from sweeper.scoring.suite import Case, Suite
from sweeper.space.objective import Objective
from sweeper.space.pruner import PrunerSettings
from sweeper.space.space import Space

if TYPE_CHECKING:
    from sweeper.serving.ollama import OllamaClient

_JUDGE = "judge"


def ready_suites(space: Space) -> tuple[Suite, ...]:
    """All suites of `space`, dev before test, held to everything that shows without a model."""
    suites = load_suites([*space.dev, *([space.test] if space.test else [])])
    dev = suites[: len(space.dev)]
    objective = steering_objective(space.search.objective, dev, space.path)
    for suite in dev:
        if suite.name in objective.score_weights:
            refuse_objective(suite)
    refuse_without_loss(steering_first(objective, dev)[0], space.search.pruner, objective)
    if space.test is not None:
        refuse_unscored(suites[-1])
    refuse_judges(suites)
    return suites


def refuse_objective(suite: Suite) -> None:
    """Raises InputError where the score of `suite` cannot steer a search."""
    if not any(case.is_scored for case in suite.cases):
        problem = f"no case of '{suite.name}' expects anything, and by this suite trials are compared"
        raise InputError(str(suite.path), problem, "Add `expected` or `assert` to its cases")
    judged = next((case for case in suite.cases if _is_judged_alone(case)), None)
    if judged is not None:
        raise InputError(
            f"{suite.path}: case '{judged.id}'",
            "only a judge scores it, and a search would learn to please the judge",
            "Add an assertion that a rule can check, or put the case into another suite",
        )


def refuse_unscored(suite: Suite) -> None:
    """Raises InputError for a test suite on which nothing can be claimed."""
    if not any(case.is_scored for case in suite.cases):
        raise InputError(
            str(suite.path),
            f"no case of '{suite.name}' expects anything, and claims are made on it",
            "Add `expected` or `assert` to its cases, or leave evaluation.test out",
        )


def refuse_without_loss(suite: Suite, pruner: PrunerSettings, objective: Objective) -> None:
    """Raises InputError where trials are compared by the loss of expected answers, and there are none."""
    if any(case.expected for case in suite.cases):
        return
    if pruner.last_rung > 0 or objective.loss_weight:
        fix = "Add `expected` to its cases"
        raise InputError(
            str(suite.path),
            f"no case of '{suite.name}' has `expected`, and trials are compared by the loss of that",
            fix if objective.loss_weight else f"{fix}, or write `pruner: none` under search",
        )


def refuse_judges(suites: Sequence[Suite], ollama: "OllamaClient | None" = None) -> None:
    """Raises InputError for a judge's model that Ollama lacks, UnavailableError where no Ollama answers.

    Asks no server where there is no judge.
    """
    for suite in suites:
        values = {
            check.value["model"]: check.value
            for case in suite.cases
            for check in case.checks
            if check.type == _JUDGE
        }
        for model, value in values.items():
            problem = problem_of(ollama or client(), value)
            if problem is not None:
                fix = f"Run `ollama pull {model}`, or name another model"
                raise InputError(f"{suite.path}: judge", problem, fix)


def _is_judged_alone(case: Case) -> bool:
    counted = [check for check in case.checks if check.weight > 0]
    return bool(counted) and all(check.type == _JUDGE for check in counted)
