"""Which suites steer a search, and what `auto` comes to."""

from pathlib import Path

import pytest

from sweeper.errors import InputError
from sweeper.scoring.steering import can_be_checked, steering_first, steering_objective
from sweeper.scoring.suite import Assertion, Case, Suite
from sweeper.space.objective import AUTO, SCORE, TARGET_LOSS, Objective

PLACE = Path("space.yaml")


def suite(name: str, *expected: str, assertions: tuple[Assertion, ...] = ()) -> Suite:
    cases = tuple(Case(f"case-{n}", "x", "", text, assertions=assertions) for n, text in enumerate(expected))
    return Suite(name, Path(f"{name}.yaml"), cases, 8)


INTENTS, TONE = suite("intents", "card", "loan"), suite("tone", "Of course.")


def test_names_become_those_of_suites() -> None:
    dev = (INTENTS, TONE)
    assert steering_objective(SCORE, dev, PLACE) == Objective((("intents", 1.0),))
    assert steering_objective(TARGET_LOSS, dev, PLACE) == TARGET_LOSS
    mixed = Objective((("score", 0.5), ("intents", 0.25), ("target_loss", 0.25)))
    assert steering_objective(mixed, dev, PLACE) == Objective((("intents", 0.75), ("target_loss", 0.25)))


def test_an_unknown_suite_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError) as refused:
        steering_objective(Objective((("intent", 1.0),)), (INTENTS, TONE), PLACE)
    assert str(refused.value) == (
        "space.yaml: search.objective: no suite of evaluation.dev is called 'intent'. Did you mean 'intents'?"
    )
    with pytest.raises(InputError, match=r"Did you mean 'target_loss'\?"):
        steering_objective(Objective((("loss", 1.0),)), (INTENTS, TONE), PLACE)
    with pytest.raises(InputError, match="Suites there: intents, tone"):
        steering_objective(Objective((("xyzzy", 1.0),)), (INTENTS, TONE), PLACE)


def test_the_suite_of_the_largest_weight_goes_first() -> None:
    dev = (INTENTS, TONE)
    assert steering_first(Objective((("intents", 0.5), ("tone", 0.5))), dev) == dev
    assert steering_first(Objective((("tone", 1.0),)), dev) == (TONE, INTENTS)
    assert steering_first(TARGET_LOSS, dev) == dev


LONG = "There are many ways to say this, and every one of them is as right as the one that stands here."
RULE, JUDGE = Assertion("is-json"), Assertion("judge", {"model": "m", "criterion": "c", "digest": ""})


@pytest.mark.parametrize(
    ("dev", "is_checked"),
    [
        (suite("short", "card", "loan", LONG), True),
        (suite("long", LONG, LONG, "card"), False),
        (suite("ruled", LONG, assertions=(RULE,)), True),
        (suite("judged", LONG, assertions=(JUDGE,)), False),
        (suite("judged", "card", assertions=(JUDGE,)), False),
        (suite("shown", "card", assertions=(Assertion("is-json", weight=0.0),)), False),
        (suite("empty", ""), True),
    ],
)
def test_auto_asks_whether_a_rule_can_tell_right_from_wrong(dev: Suite, is_checked: bool) -> None:
    assert can_be_checked(dev) == is_checked
    wanted = Objective(((dev.name, 1.0),)) if is_checked else TARGET_LOSS
    assert steering_objective(AUTO, (dev,), PLACE) == wanted
