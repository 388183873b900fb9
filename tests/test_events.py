"""Events survive their log, and logs of before are still read."""

import json

from sweeper.events import AssertionResult, CaseAnswer, SuiteScored, from_json, to_json

SCORED = SuiteScored(
    3,
    1.5,
    "dev",
    0.5,
    2.0,
    (
        CaseAnswer("a", "p", "x\x00", "y", 0.5, (AssertionResult("contains", 0.5, "why"),), ("short",), "g"),
        CaseAnswer("b", "p", "x", "", None),
    ),
    10,
    20,
)


def test_a_score_comes_back_as_it_was() -> None:
    assert from_json(to_json(SCORED)) == SCORED


def test_a_log_of_before_is_read() -> None:
    answer = {"case_id": "a", "prompt": "p", "answer": "x", "expected": "y", "score": 1.0}
    line = {
        "kind": "SuiteScored",
        "trial": -1,
        "time": 1.0,
        "suite": "dev",
        "score": 1.0,
        "wall_seconds": 2.0,
    }
    event = from_json(json.dumps({**line, "answers": [answer]}))
    assert event == SuiteScored(-1, 1.0, "dev", 1.0, 2.0, (CaseAnswer("a", "p", "x", "y", 1.0),))
