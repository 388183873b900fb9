"""The statistics against scipy, against figures worked by hand, and in the shapes that cases come in."""

import math

import numpy as np
import pytest
import scipy.stats

from sweeper.scoring.statistics import (
    Interval,
    cases_to_settle,
    compare_paired,
    score_interval,
    sign_flip_p_value,
)

RNG = np.random.default_rng(7)
BASE = (RNG.random(60) < 0.5).astype(float)
OTHER = np.where(RNG.random(60) < 0.3, 1.0, BASE)
SMOOTH = RNG.beta(2, 2, 60)


def test_identical_answers_leave_no_doubt() -> None:
    for scores in (BASE, SMOOTH, np.ones(1)):
        same = compare_paired(scores, scores)
        assert (same.difference, same.interval, same.p_value) == (0.0, Interval(0.0, 0.0), 1.0)
        assert same.cases_to_settle is None
        assert not same.is_settled


def test_the_interval_is_scipys_percentile_bootstrap() -> None:
    """Wins and losses take plain percentiles; two independent draws of 20,000 agree to a percent."""
    ours = compare_paired(BASE, OTHER, resamples=20_000).interval
    theirs = scipy.stats.bootstrap(
        (OTHER - BASE,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)
    assert ours.low > 0


def test_smooth_scores_get_an_interval_as_wide_as_students() -> None:
    few = SMOOTH[:20]
    ours = score_interval(few, resamples=20_000)
    student = scipy.stats.ttest_1samp(few, 0.0).confidence_interval(0.95)
    assert ours.high - ours.low == pytest.approx(student.high - student.low, rel=0.03)
    assert (ours.low, ours.high) == pytest.approx((student.low, student.high), abs=0.01)


def test_right_and_wrong_answers_get_wilsons_interval() -> None:
    for right, cases in ((40, 40), (0, 5), (93, 100)):
        scores = [1.0] * right + [0.0] * (cases - right)
        wilson = scipy.stats.binomtest(right, cases).proportion_ci(method="wilson")
        ours = score_interval(scores)
        assert (ours.low, ours.high) == pytest.approx((wilson.low, wilson.high), abs=1e-9)


@pytest.mark.parametrize(("won", "lost"), [(5, 0), (7, 2), (30, 14), (16, 15)])
def test_on_wins_and_losses_p_is_the_exact_sign_test(won: int, lost: int) -> None:
    differences = [1.0] * won + [-1.0] * lost + [0.0] * 50
    exact = scipy.stats.binomtest(won, won + lost).pvalue
    drawn = 0 if won + lost <= 12 else 4 * math.sqrt(exact * (1 - exact) / 10_000) + 1e-4
    assert sign_flip_p_value(differences) == pytest.approx(exact, abs=max(drawn, 1e-9))


def test_on_smooth_scores_p_is_scipys_permutation_test() -> None:
    differences = RNG.normal(0.25, 1.0, 40)
    theirs = scipy.stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=10_000,
        rng=np.random.default_rng(2),
    ).pvalue
    assert 0.01 < theirs < 0.99
    assert sign_flip_p_value(differences) == pytest.approx(theirs, abs=0.02)


def test_p_is_never_zero() -> None:
    assert sign_flip_p_value([1.0] * 100, resamples=999) == pytest.approx(0.001)


def test_all_cases_won_is_no_certainty() -> None:
    won = compare_paired([0.0] * 3, [1.0] * 3)
    assert won.interval.high == 1.0
    assert won.interval.holds(0.0)
    lost = compare_paired([1.0] * 100, [0.0] * 100)
    assert lost.interval == Interval(-1.0, pytest.approx(-0.926, abs=0.001))  # type: ignore[arg-type]
    assert lost.is_settled


def test_one_case_says_nothing() -> None:
    assert compare_paired([0.2], [0.9]).interval == Interval(-1.0, 1.0)
    assert score_interval([0.7]) == Interval(0.0, 1.0)


def test_a_cluster_of_copies_counts_as_one_case() -> None:
    """Ten copies of each case are no more evidence than the case."""
    once = compare_paired(BASE, OTHER)
    copies = compare_paired(
        np.repeat(BASE, 10), np.repeat(OTHER, 10), [str(case // 10) for case in range(600)]
    )
    assert (copies.cases, copies.clusters) == (600, 60)
    assert copies.difference == pytest.approx(once.difference)
    assert copies.p_value == pytest.approx(once.p_value, abs=0.01)
    assert copies.interval.low == pytest.approx(once.interval.low, abs=0.02)
    assert copies.cases_to_settle == pytest.approx(10 * (once.cases_to_settle or 0), rel=0.1)


def test_cases_without_a_group_stand_alone() -> None:
    alone = compare_paired(BASE, OTHER, [None] * 60)
    assert alone == compare_paired(BASE, OTHER)


def test_the_same_scores_give_the_same_figures() -> None:
    assert compare_paired(BASE, OTHER) == compare_paired(BASE, OTHER)


def test_cases_to_settle_by_hand() -> None:
    """Mean 0.1, variance of ±1 and 0: (1.96 + 0.8416)² x 0.2929 / 0.01 = 230."""
    differences = [1.0] * 20 + [-1.0] * 10 + [0.0] * 70
    assert np.var(differences, ddof=1) == pytest.approx(0.29293, abs=1e-5)
    assert cases_to_settle(differences) == 230
    assert cases_to_settle([1.0, -1.0]) is None
    assert cases_to_settle([0.5]) is None


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="no cases"):
        compare_paired([], [])
    with pytest.raises(ValueError, match="2 groups stand beside 3 cases"):
        score_interval([0.0, 1.0, 1.0], ["a", "b"])
    with pytest.raises(ValueError, match="broadcast"):
        compare_paired([0.0, 1.0, 1.0], [0.0, 1.0])
