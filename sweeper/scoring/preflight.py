"""What a suite needs besides its file: a score that can steer a search, and a judge that is there."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeper.errors import InputError
from sweeper.scoring.assertions.judge import client, problem_of
from sweeper.scoring.space_suites import SpaceSuites, space_suites
from sweeper.scoring.steering import steering_first, steering_objective
from sweeper.scoring.suite import Case, Suite
from sweeper.space.objective import Objective
from sweeper.space.pruner import PrunerSettings
from sweeper.space.space import Space

if TYPE_CHECKING:
    from sweeper.serving.ollama import OllamaClient

_JUDGE = "judge"


def ready_suites(space: Space) -> SpaceSuites:
    """All suites of `space`, held to everything that shows without a model."""
    suites = space_suites(space)
    objective = steering_objective(space.search.objective, suites.dev, space.path)
    for suite in suites.dev:
        if suite.name in objective.score_weights:
            refuse_objective(suite)
    refuse_without_loss(steering_first(objective, suites.dev)[0], space.search.pruner, objective)
    if suites.test is not None:
        refuse_unscored(suites.test)
    refuse_judges([suite for _, suite in suites.by_use()])
    refuse_tasks([suite for _, suite in suites.by_use()])
    return suites


def refuse_objective(suite: Suite) -> None:
    """Raises InputError where the score of `suite` cannot steer a search."""
    _refuse_harness(suite, "trials are compared by the cases of the first dev suite")
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
    _refuse_harness(suite, "a promoted model is asked the cases of test in Ollama")
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


def refuse_tasks(suites: Sequence[Suite]) -> None:
    """Raises InputError for a task that lm-evaluation-harness does not have."""
    for suite in suites:
        if suite.harness is not None:
            from sweeper.scoring.harness import refuse_unknown_tasks

            refuse_unknown_tasks(suite)


def _refuse_harness(suite: Suite, why: str) -> None:
    if suite.harness is not None:
        problem = f"'{suite.name}' is of type lm-eval, and {why}"
        raise InputError(str(suite.path), problem, "Name it as a further dev suite, or under guard")


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
