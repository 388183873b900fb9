"""target_loss as an assertion: exp(-loss) of the expected answer, and no token is generated for it."""

import dataclasses
import math
from pathlib import Path

import pytest

from sweeper.data.template import template_of
from sweeper.scoring import score as score_module
from sweeper.scoring.assess import case_score
from sweeper.scoring.cache import AnswerCache
from sweeper.scoring.case_loss import case_losses
from sweeper.scoring.load_suite import load_suite
from sweeper.scoring.score import Remembered, score_suite
from sweeper.scoring.suite import Assertion, Case, Suite
from sweeper.scoring.target_loss import expected_rows
from tests.scoring.plain_target_loss import plain_target_loss
from tests.scoring.tiny_tokenizer import tiny_tokenizer
from tests.training.tiny import tiny_model

TEMPLATE = template_of(tiny_tokenizer(end=1, special=2))
LOSS = Assertion("target_loss")
CASES = tuple(
    Case(f"c{number}", "w5 " * number, "w7", "w9 " * (number % 4 + 1), assertions=(LOSS,))
    for number in range(1, 9)
)
SUITE = Suite("words", Path("words.yaml"), CASES, 6)


def test_it_is_the_plain_loss_of_each_case() -> None:
    model = tiny_model()
    score = score_suite(model, TEMPLATE, SUITE)
    for case, answer in zip(CASES, score.answers, strict=True):
        alone = plain_target_loss(model, expected_rows(dataclasses.replace(SUITE, cases=(case,)), TEMPLATE))
        assert answer.score == pytest.approx(math.exp(-alone), rel=1e-5)
    assert score.score == pytest.approx(sum(answer.score or 0 for answer in score.answers) / len(CASES))


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model, prompts = tiny_model(), [TEMPLATE.prompt(case.instruction, case.input) for case in CASES]
    together = case_losses(model, TEMPLATE, CASES, prompts)
    monkeypatch.setattr("sweeper.scoring.case_loss.BATCH_TOKENS", 1)
    assert case_losses(model, TEMPLATE, CASES, prompts) == pytest.approx(together, rel=1e-5)


def test_where_it_is_all_that_is_asked_nothing_is_generated() -> None:
    score = score_suite(tiny_model(), TEMPLATE, SUITE)
    assert score.answer_tokens == score.prompt_tokens == 0
    assert {answer.answer for answer in score.answers} == {""}
    assert score.answers[0].results[0].reason.startswith("loss ")
    shown = dataclasses.replace(CASES[0], id="shown", expected="", assertions=())
    both = dataclasses.replace(CASES[1], assertions=(LOSS, Assertion("no-repeat", 4)))
    mixed = score_suite(tiny_model(), TEMPLATE, dataclasses.replace(SUITE, cases=(shown, both, CASES[2])))
    assert [bool(answer.answer) for answer in mixed.answers] == [True, True, False]
    alone = score_suite(tiny_model(), TEMPLATE, dataclasses.replace(SUITE, cases=(shown,)))
    assert mixed.answers[0].answer == alone.answers[0].answer


def test_it_is_kept_and_another_expected_answer_is_another_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Remembered(AnswerCache(tmp_path), "base", "")
    first = score_suite(tiny_model(), TEMPLATE, SUITE, remembered=kept)
    other = dataclasses.replace(
        SUITE, cases=tuple(dataclasses.replace(case, expected="w3") for case in CASES)
    )
    assert score_suite(tiny_model(), TEMPLATE, other, remembered=kept).score != first.score
    monkeypatch.setattr(score_module, "_answer", None)  # whoever calls it now fails
    again = score_suite(tiny_model(), TEMPLATE, SUITE, remembered=kept)
    assert again.answers == first.answers


def test_without_a_loss_it_does_not_count() -> None:
    assert case_score(CASES[0], "w9") is None
    both = dataclasses.replace(CASES[0], assertions=(LOSS, Assertion("equals", "w9")))
    assert (case_score(both, "w9"), case_score(both, "w8")) == (1.0, 0.0)


def test_a_threshold_makes_it_right_or_wrong(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(
        "name: s\ndefaults: {assert: [{type: target_loss, threshold: 0.0001}]}\n"
        'cases: [{instruction: w5, expected: "w9"}]\n'
    )
    suite = load_suite(path)
    assert not suite.cases[0].is_answered
    assert score_suite(tiny_model(), TEMPLATE, suite).score == 1.0
