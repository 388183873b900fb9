"""A suite that cannot steer a search is refused before one begins."""

from pathlib import Path

import pytest

from sweeper.errors import InputError
from sweeper.scoring.preflight import refuse_objective, refuse_unscored, refuse_without_loss
from sweeper.scoring.suite import Assertion, Case, Suite
from sweeper.space.objective import SCORE, TARGET_LOSS
from sweeper.space.pruner import HALVING, TRAIN_ALL

JUDGE = Assertion("judge", {"model": "m:latest", "criterion": "c", "digest": ""})


def suite(*assertions: Assertion) -> Suite:
    cases = (Case("a", "x", "", "y"), Case("b", "x", "", "", assertions=assertions))
    return Suite("s", Path("s.yaml"), cases[1:] if not assertions else cases, 8)


def test_a_suite_that_expects_nothing() -> None:
    with pytest.raises(InputError, match="no case of 's' expects anything"):
        refuse_objective(suite())


def test_a_test_suite_that_expects_nothing() -> None:
    with pytest.raises(InputError, match="expects anything, and claims are made on it"):
        refuse_unscored(suite())
    refuse_unscored(suite(JUDGE))


def test_a_judge_alone_steers_no_search() -> None:
    with pytest.raises(InputError, match=r"s\.yaml: case 'b': only a judge scores it"):
        refuse_objective(suite(JUDGE))
    with pytest.raises(InputError, match="only a judge"):
        refuse_objective(suite(JUDGE, Assertion("is-json", weight=0.0)))
    refuse_objective(suite(JUDGE, Assertion("is-json")))


def test_without_an_expected_answer_there_is_no_loss_to_stop_by() -> None:
    ruled = Suite("s", Path("s.yaml"), (Case("b", "x", "", "", assertions=(Assertion("is-json"),)),), 8)
    with pytest.raises(InputError, match="or write `pruner: none`"):
        refuse_without_loss(ruled, HALVING, SCORE)
    refuse_without_loss(ruled, TRAIN_ALL, SCORE)
    refuse_without_loss(suite(Assertion("is-json")), HALVING, TARGET_LOSS)
    with pytest.raises(InputError, match="Add `expected` to its cases"):
        refuse_without_loss(ruled, TRAIN_ALL, TARGET_LOSS)
