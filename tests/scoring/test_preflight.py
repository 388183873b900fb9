"""A suite that cannot steer a search is refused before one begins."""

from pathlib import Path

import pytest

from sweeper.errors import InputError
from sweeper.scoring.preflight import refuse_objective
from sweeper.scoring.suite import Assertion, Case, Suite

JUDGE = Assertion("judge", {"model": "m:latest", "criterion": "c", "digest": ""})


def suite(*assertions: Assertion) -> Suite:
    cases = (Case("a", "x", "", "y"), Case("b", "x", "", "", assertions=assertions))
    return Suite("s", Path("s.yaml"), cases[1:] if not assertions else cases, 8)


def test_a_suite_that_expects_nothing() -> None:
    with pytest.raises(InputError, match="no case of 's' expects anything"):
        refuse_objective(suite())


def test_a_judge_alone_steers_no_search() -> None:
    with pytest.raises(InputError, match=r"s\.yaml: case 'b': only a judge scores it"):
        refuse_objective(suite(JUDGE))
    with pytest.raises(InputError, match="only a judge"):
        refuse_objective(suite(JUDGE, Assertion("is-json", weight=0.0)))
    refuse_objective(suite(JUDGE, Assertion("is-json")))
