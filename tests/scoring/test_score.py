"""A suite's score is the mean over its cases, and each answer is kept."""

from pathlib import Path

import pytest

from sweeper.data.template import template_of
from sweeper.scoring.score import score_suite
from sweeper.scoring.suite import Case, Suite
from tests.scoring.tiny_tokenizer import tiny_tokenizer
from tests.training.tiny import tiny_model


def test_the_mean_and_the_answers_in_order() -> None:
    model, template = tiny_model(), template_of(tiny_tokenizer(end=1, special=2))
    cases = tuple(Case(f"c{number}", f"w{number} w7", "w9", "no such answer") for number in (11, 12, 13))
    suite = Suite("words", Path("words.jsonl"), cases, max_new_tokens=6)
    blank = score_suite(model, template, suite)
    right = Case("c12", "w12 w7", "w9", blank.answers[1].answer)

    told: list[tuple[int, int]] = []
    mended = Suite("words", suite.path, (cases[0], right, cases[2]), suite.max_new_tokens)
    score = score_suite(model, template, mended, batch_size=2, progress=lambda *done: told.append(done))

    assert blank.score == 0
    assert score.suite == "words"
    assert score.score == pytest.approx(1 / 3)
    assert [answer.case_id for answer in score.answers] == ["c11", "c12", "c13"]
    assert [answer.score for answer in score.answers] == [0, 1, 0]
    assert score.answers[1].prompt == template.prompt("w12 w7", "w9")
    assert told == [(2, 3), (3, 3)]
    assert score.wall_seconds > 0
