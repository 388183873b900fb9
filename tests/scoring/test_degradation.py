"""A model that lost what it could is named, and the advice follows what the trials showed."""

import pytest

from sweeper.report.guard import guard_lines
from sweeper.scoring.degradation import ShownTrial, advice, verdict_on
from sweeper.scoring.statistics import Comparison, compare_paired
from sweeper.space.trial_config import TrialConfig


def compared(cases: int, lost: int, won: int = 0) -> Comparison:
    base = [1.0] * lost + [0.0] * won + [1.0] * (cases - lost - won)
    other = [0.0] * lost + [1.0] * won + [1.0] * (cases - lost - won)
    return compare_paired(base, other)


def trial(
    number: int, score: float, rate: float, examples: int = 600, kept: float | None = None, epochs: float = 3
) -> ShownTrial:
    config = TrialConfig(learning_rate=rate, num_train_epochs=epochs)
    return ShownTrial(number, config, score, examples, kept)


@pytest.mark.parametrize(
    ("guard", "verdict"),
    [
        (compared(40, lost=16), "degraded"),
        (compared(40, lost=40), "degraded"),
        (compared(40, lost=0), "kept"),
        (compared(40, lost=1, won=1), "kept"),
        (compared(40, lost=0, won=10), "kept"),
        (compared(20, lost=3), "unclear"),
        (compared(400, lost=20), "kept"),
    ],
)
def test_the_verdict(guard: Comparison, verdict: str) -> None:
    assert verdict_on(guard) == verdict


def test_a_loss_within_the_margin_is_the_price_of_tuning() -> None:
    loss = compared(1000, lost=60)
    assert loss.is_settled
    assert verdict_on(loss) == "kept"
    assert verdict_on(loss, margin=0.02) == "degraded"


WINNER = trial(4, 0.93, 3e-3)


def test_a_gentler_trial_that_scores_as_well_is_named() -> None:
    lines = advice(WINNER, [WINNER, trial(2, 0.91, 3e-4), trial(1, 0.6, 1e-5), trial(3, 0.92, 2e-3, 200)])
    assert lines[0] == (
        "A lower learning rate: trial 2 (0.0003 against 0.003) scores 0.91 on dev, trial 4 0.93"
    )
    assert lines[1] == "Fewer steps: trial 3 (200 examples against 600) scores 0.92 on dev, trial 4 0.93"
    assert lines[2].startswith("More varied data")


def test_what_was_not_tried_is_told() -> None:
    rate, steps, data = advice(WINNER, [WINNER, trial(0, 0.5, 2e-3)])
    assert rate == "A lower learning rate: none below half of trial 4's 0.003 was tried"
    assert steps == "Fewer steps: trial 4 saw each row 3 times"
    assert data.startswith("More varied data")


def test_what_was_tried_and_failed_is_not_advised() -> None:
    once = trial(4, 0.93, 3e-3, epochs=1)
    [only] = advice(once, [once, trial(1, 0.4, 1e-4, epochs=1)])
    assert only.startswith("More varied data")


def test_a_trial_that_is_known_to_keep_no_more_is_not_named() -> None:
    winner = trial(4, 0.93, 3e-3, kept=0.4)
    worse, better = trial(2, 0.93, 3e-4, kept=0.4), trial(1, 0.9, 3e-4, kept=0.8)
    assert (
        "trial 1 (0.0003 against 0.003) scores 0.90 on dev and 0.80 on the guard suite"
        in (advice(winner, [winner, worse, better])[0])
    )


def test_in_words() -> None:
    lines = guard_lines("sanity", compared(40, lost=16), WINNER, [WINNER])
    assert lines[0].startswith(
        "sanity: trial 4 is DEGRADED: it lost what the base can (-0.40 over base, 95 %"
    )
    assert [line[:5] for line in lines[1:]] == ["  1. ", "  2. ", "  3. "]
    [kept] = guard_lines("sanity", compared(40, lost=0), WINNER, [WINNER])
    assert kept.startswith("sanity: trial 4 kept what the base can (")
    [unclear] = guard_lines("sanity", compared(20, lost=3), WINNER, [WINNER])
    assert "cannot rule out a loss of more than 0.1" in unclear
