"""From a case and its answer to a score, with what every assertion says."""

from sweeper.events import AssertionResult, CaseAnswer
from sweeper.scoring.assertions.kind import Asked
from sweeper.scoring.assertions.registry import ASSERTIONS
from sweeper.scoring.suite import TARGET_LOSS, Assertion, Case
from sweeper.scoring.transforms import TRANSFORMS

LONGEST_KEPT = 20_000
"""Characters of an answer that are kept to be shown. All of it is scored."""


def assess(case: Case, prompt: str, answer: str, loss: float | None = None) -> CaseAnswer:
    """Scores `answer`; `prompt` is what the model read, as it is kept, `loss` that of `expected`.

    Without a loss, as through Ollama, target_loss does not count.
    """
    answer = _encodable(answer)
    results = tuple(_result(assertion, answer, case, prompt, loss) for assertion in case.checks)
    return CaseAnswer(
        case_id=case.id,
        prompt=_kept(_encodable(prompt)),
        answer=_kept(answer),
        expected=case.expected,
        score=_mean(case, results, loss),
        results=results,
        tags=case.tags,
        group=case.group,
    )


def case_score(case: Case, answer: str) -> float | None:
    """The score alone; None where the case is only shown."""
    return assess(case, case.text, answer).score


def _result(
    assertion: Assertion, answer: str, case: Case, prompt: str, loss: float | None
) -> AssertionResult:
    for name in assertion.transforms:
        answer = TRANSFORMS[name](answer)
    verdict = ASSERTIONS[assertion.type].score(Asked(answer, prompt, case.expected, loss), assertion.value)
    score, reason, name = verdict.score, verdict.reason, assertion.type
    if assertion.threshold is not None:
        reason = f"{score:.3g} of {assertion.threshold:g} that are wanted: {reason}"
        score = float(score >= assertion.threshold)
    if assertion.negate:
        score, name = 1.0 - score, f"not-{name}"
    return AssertionResult(name, score, _encodable(reason))


def _mean(case: Case, results: tuple[AssertionResult, ...], loss: float | None) -> float | None:
    weights = [
        0.0 if assertion.type == TARGET_LOSS and loss is None else assertion.weight
        for assertion in case.checks
    ]
    if not sum(weights):
        return None
    weighted = zip(weights, results, strict=True)
    return sum(weight * result.score for weight, result in weighted) / sum(weights)


def _encodable(text: str) -> str:
    """Without halves of surrogate pairs, which no file takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _kept(text: str) -> str:
    if len(text) <= LONGEST_KEPT:
        return text
    return f"{text[:LONGEST_KEPT]} [cut: {len(text)} characters]"
