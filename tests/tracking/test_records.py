"""What MLflow is told of a score: the suite's, each tag's, its cost, and a table that shows safely."""

import json

import pytest

from sweeper.events import (
    BASE_TRIAL,
    AssertionResult,
    CaseAnswer,
    MemoryMeasured,
    SuiteScored,
    TrialStarted,
)
from sweeper.scoring.pairing import compare_answers
from sweeper.space.trial_config import TrialConfig
from sweeper.tracking.records import answer_table, memory_points, score_points, trial_parameters

ANSWERS = (
    CaseAnswer("right", "p", "yes", "yes", 1.0, (AssertionResult("equals", 1.0, "equal"),), ("a",)),
    CaseAnswer("shown", "p", "hm", "", None, (), ("a",)),
    CaseAnswer(
        "wrong",
        "p\nq",
        "\x1b[2Jno\u202e",
        "yes",
        0.0,
        (
            AssertionResult("equals", 0.0, "is not 'yes'"),
            AssertionResult("length", 0.0, "has 9 words, max 3"),
        ),
        ("b", "a"),
    ),
)


def test_a_suite_and_its_tags_are_metrics() -> None:
    points = score_points(SuiteScored(0, 9.0, "my suite", 0.5, 2.5, ANSWERS, 30, 40), step=7)
    assert {point.key: point.value for point in points} == {
        "score/my suite": 0.5,
        "score/my suite/a": 0.5,
        "score/my suite/b": 0.0,
        "score_low/my suite": pytest.approx(0.0945, abs=1e-3),
        "score_high/my suite": pytest.approx(0.9055, abs=1e-3),
        "scoring_seconds/my suite": 2.5,
        "prompt_tokens/my suite": 30.0,
        "answer_tokens/my suite": 40.0,
    }
    assert {(point.time, point.step) for point in points} == {(9.0, 7)}


def test_a_trial_is_held_against_the_base_case_by_case() -> None:
    right = tuple(CaseAnswer(f"{case}", "p", "yes", "yes", 1.0) for case in range(20))
    half = tuple(CaseAnswer(f"{case}", "p", "hm", "yes", float(case < 10)) for case in range(20))
    event = SuiteScored(3, 9.0, "s", 1.0, 2.5, right)
    points = {point.key: point.value for point in score_points(event, 7, half)}
    found = compare_answers(half, right)
    assert found is not None
    assert (points["gain/s"], points["gain_p_value/s"]) == (0.5, found.p_value)
    assert (points["gain_low/s"], points["gain_high/s"]) == (found.interval.low, found.interval.high)
    assert 0.2 < points["gain_low/s"] < 0.5 < points["gain_high/s"] < 0.8
    base = score_points(SuiteScored(BASE_TRIAL, 9.0, "s", 1.0, 2.5, right), 7, half)
    assert not [point for point in base if point.key.startswith("gain")]


def test_a_suite_that_is_only_shown_has_no_score() -> None:
    points = score_points(SuiteScored(0, 9.0, "s", None, 2.5, ANSWERS[1:2]), step=7)
    assert not [point for point in points if point.key.startswith("score/")]


def test_the_table_has_wrong_cases_first_and_shown_ones_last() -> None:
    table = json.loads(answer_table(ANSWERS))
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert [row["case_id"] for row in rows] == ["wrong", "right", "shown"]
    assert rows[0]["answer"] == "\\x1b[2Jno\\u202e"
    assert rows[0]["prompt"] == "p\nq"
    assert rows[0]["assertions"] == "equals 0: is not 'yes'\nlength 0: has 9 words, max 3"
    assert rows[0]["tags"] == "b, a"
    assert rows[2]["score"] is None


def test_checkpointing_that_was_left_open_is_shown_as_it_was_chosen() -> None:
    config = TrialConfig(gradient_checkpointing=None)
    started = TrialStarted(0, 1.0, 1, 1, 4, 9, 36, gradient_checkpointing=True)
    assert "gradient_checkpointing" not in trial_parameters(config, None)
    assert trial_parameters(config, started)["gradient_checkpointing"] == "True"
    assert trial_parameters(TrialConfig(), started)["gradient_checkpointing"] == "False"


def test_memory_is_told_with_the_error_of_its_prediction() -> None:
    points = memory_points(MemoryMeasured(0, 9.0, 4, 1000, 1020), step=7)
    assert {point.key: point.value for point in points} == {
        "memory/measured_bytes": 1000.0,
        "memory/predicted_bytes": 1020.0,
        "memory/error": 1020 / 1000 - 1,
    }
    assert [point.key for point in memory_points(MemoryMeasured(0, 9.0, 4, 1000), 7)] == [
        "memory/measured_bytes"
    ]
