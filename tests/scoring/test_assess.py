"""From an answer to a case's score: transforms, thresholds, negation, weights, and what is kept."""

import pytest

from sweeper.events import AssertionResult, CaseAnswer
from sweeper.scoring.assess import LONGEST_KEPT, assess, case_score
from sweeper.scoring.means import mean_score, tag_scores
from sweeper.scoring.suite import Assertion, Case


def asked(*assertions: Assertion, expected: str = "") -> Case:
    return Case("a", "Say it.", "", expected, assertions=assertions)


def test_the_score_is_the_weighted_mean() -> None:
    case = asked(
        Assertion("contains", "x", 3.0), Assertion("contains", "y", 1.0), Assertion("contains", "z", 0.0)
    )
    found = assess(case, "prompt", "an x")
    assert found.score == 0.75
    assert found.results == (
        AssertionResult("contains", 1.0, "holds 'x'"),
        AssertionResult("contains", 0.0, "does not hold 'y'"),
        AssertionResult("contains", 0.0, "does not hold 'z'"),
    )


def test_transform_then_threshold_then_negation() -> None:
    case = asked(Assertion("equals", "yes", transforms=("first-line", "lowercase")))
    assert case_score(case, "YES\nbecause") == 1
    near = Assertion("similar", "abcd", threshold=0.75)
    assert [case_score(asked(near), answer) for answer in ("abXd", "aXXd")] == [1, 0]
    far = assess(asked(Assertion("similar", "abcd", threshold=0.75, negate=True)), "", "aXXd")
    assert far.score == 1
    assert far.results[0].type == "not-similar"
    assert far.results[0].reason == "0.5 of 0.75 that are wanted: 50% of the characters alike"
    assert case_score(asked(Assertion("similar", "abcd", negate=True)), "abXd") == pytest.approx(0.25)


def test_a_case_without_an_expectation_has_no_score() -> None:
    shown = assess(Case("a", "Say hi.", "", ""), "prompt", "hi")
    assert (shown.score, shown.results, shown.answer) == (None, (), "hi")
    assert case_score(asked(Assertion("equals", "x", weight=0.0)), "x") is None


def test_all_of_an_answer_is_scored_and_its_beginning_kept() -> None:
    long = "word " * 10_000 + "END"
    found = assess(asked(Assertion("contains", "END")), "p" * 50_000, long)
    assert found.score == 1
    assert found.answer.startswith("word word")
    assert found.answer.endswith("[cut: 50003 characters]")
    assert len(found.answer) < LONGEST_KEPT + 50
    assert len(found.prompt) < LONGEST_KEPT + 50


def test_half_a_surrogate_pair_can_be_written() -> None:
    found = assess(asked(Assertion("equals", "\ud83d")), "\ud83d", "\ud83d")
    for text in (found.answer, found.prompt, found.results[0].reason):
        text.encode("utf-8")


def answered(score: float | None, *tags: str) -> CaseAnswer:
    return CaseAnswer("a", "", "", "", score, tags=tags)


def test_means_are_over_the_scored_cases() -> None:
    answers = [answered(1.0, "a"), answered(0.0, "a", "b"), answered(None, "b", "c"), answered(0.5)]
    assert mean_score(answers) == 0.5
    assert tag_scores(answers) == {"a": 0.5, "b": 0.0}
    assert mean_score([answered(None)]) is None
