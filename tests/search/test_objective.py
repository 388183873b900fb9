"""The number that a trial is chosen by."""

import pytest

from sweeper.events import RungReached, SuiteScored, TrialAsked
from sweeper.search.objective import objective_of
from sweeper.space.objective import TARGET_LOSS, Objective
from sweeper.space.trial_config import TrialConfig
from sweeper.standing import standing_of

EVENTS = [
    TrialAsked(0, 0.0, TrialConfig()),
    RungReached(0, 1.0, 0, 1, 1, 3.0),
    RungReached(0, 2.0, 1, 2, 2, 0.5),
    SuiteScored(0, 3.0, "a", 0.75, 1.0, ()),
    SuiteScored(0, 4.0, "b", 0.25, 1.0, ()),
]


@pytest.mark.parametrize(
    ("objective", "value"),
    [
        (Objective((("a", 1.0),)), 0.75),
        (Objective((("b", 1.0),)), 0.25),
        (Objective((("a", 0.5), ("b", 0.5))), 0.5),
        (TARGET_LOSS, -0.5),
        (Objective((("a", 0.8), ("target_loss", 0.2))), 0.5),
    ],
)
def test_scores_are_added_and_the_last_loss_is_taken_off(objective: Objective, value: float) -> None:
    assert objective_of(objective, standing_of(EVENTS).trials[0]) == pytest.approx(value)


def test_a_score_that_was_not_told_is_no_zero() -> None:
    with pytest.raises(KeyError):
        objective_of(Objective((("c", 1.0),)), standing_of(EVENTS).trials[0])
