"""1,000 simulated experiments a design: the truth is known, so how often an interval holds it can be counted.

The instrument is seen to catch two faults: taking pairs apart, and taking the cases of a cluster for
independent ones.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from sweeper.scoring.statistics import (
    Interval,
    cases_to_settle,
    compare_paired,
    score_interval,
    sign_flip_p_value,
)

EXPERIMENTS = 1000
RESAMPLES = 1000
SEED = 1
LOW, HIGH = 0.93, 0.97

Floats = NDArray[np.float64]


class Experiment(NamedTuple):
    """Scores of two models on the same cases. The true difference is `truth` of the design."""

    base: Floats
    other: Floats
    groups: list[str | None] | None = None


Design = Callable[[np.random.Generator], Experiment]


def wins_and_losses(cases: int, won: float, lost: float, right: float = 0.3) -> Design:
    """Right and wrong answers: with chance `won` only the other is right, with `lost` only the base."""

    def draw(rng: np.random.Generator) -> Experiment:
        kind = rng.choice(4, cases, p=[won, lost, right, 1 - won - lost - right])
        return Experiment(np.isin(kind, (1, 2)).astype(float), np.isin(kind, (0, 2)).astype(float))

    return draw


def shares(cases: int) -> Design:
    """Shares of four fields right, as json-fields gives them; hard cases are hard for both. Truth 0.2."""

    def draw(rng: np.random.Generator) -> Experiment:
        ease = rng.beta(2, 2, cases) * 0.8
        return Experiment(rng.binomial(4, ease) / 4, rng.binomial(4, ease + 0.2) / 4)

    return draw


def smooth(cases: int) -> Design:
    """Similarities; symmetric differences. Truth 0.05."""

    def draw(rng: np.random.Generator) -> Experiment:
        ease = rng.normal(0.5, 0.2, cases)
        return Experiment(ease, ease + rng.normal(0.05, 0.15, cases))

    return draw


def skewed(cases: int) -> Design:
    """Most cases gain a little and a few gain much: an exponential. Truth 0.1."""

    def draw(rng: np.random.Generator) -> Experiment:
        return Experiment(np.zeros(cases), rng.exponential(0.1, cases))

    return draw


def clustered(clusters: int) -> Design:
    """One to seven questions on each text, and texts that one model or the other can read. Truth 0."""

    def draw(rng: np.random.Generator) -> Experiment:
        groups = np.repeat(np.arange(clusters), rng.integers(1, 8, clusters))
        base = rng.random(len(groups)) < rng.choice([0.15, 0.85], clusters)[groups]
        other = rng.random(len(groups)) < rng.choice([0.15, 0.85], clusters)[groups]
        return Experiment(base.astype(float), other.astype(float), [f"text {group}" for group in groups])

    return draw


Measure = Callable[[Experiment, int], Interval]
"""The interval, resampled by a seed of the experiment's own: a shared one would bias all in the same way."""


def paired(made: Experiment, seed: int) -> Interval:
    return compare_paired(made.base, made.other, made.groups, seed, RESAMPLES).interval


def coverage(design: Design, truth: float, measure: Measure = paired) -> float:
    rng = np.random.default_rng(SEED)
    return float(np.mean([measure(design(rng), seed).holds(truth) for seed in range(EXPERIMENTS)]))


@pytest.mark.parametrize(
    ("design", "truth"),
    [
        pytest.param(wins_and_losses(100, 0.35, 0.05), 0.30, id="100 right or wrong, a clear gain"),
        pytest.param(wins_and_losses(100, 0.1, 0.1), 0.0, id="100 right or wrong, no gain"),
        pytest.param(wins_and_losses(30, 0.3, 0.1), 0.20, id="30 right or wrong"),
        pytest.param(wins_and_losses(20, 0.3, 0.1), 0.20, id="20 right or wrong"),
        pytest.param(wins_and_losses(200, 0.06, 0.02), 0.04, id="200 right or wrong, few that differ"),
        pytest.param(shares(20), 0.2, id="20 shares of fields"),
        pytest.param(shares(60), 0.2, id="60 shares of fields"),
        pytest.param(smooth(20), 0.05, id="20 similarities"),
        pytest.param(smooth(60), 0.05, id="60 similarities"),
        pytest.param(skewed(200), 0.1, id="200 skewed gains"),
        pytest.param(clustered(20), 0.0, id="20 texts of one to seven questions"),
        pytest.param(clustered(50), 0.0, id="50 texts of one to seven questions"),
    ],
)
def test_the_95_percent_interval_holds_the_truth_in_93_to_97_percent(design: Design, truth: float) -> None:
    assert LOW <= coverage(design, truth) <= HIGH


def test_so_does_the_interval_of_one_score() -> None:
    """Over shares right from 0.05 to 0.95; at any one of them it swings by some 2 percent, as counts do."""
    rng = np.random.default_rng(SEED)

    def is_held(share: float) -> bool:
        return score_interval((rng.random(100) < share).astype(float)).holds(share)

    assert LOW <= np.mean([is_held(share) for share in rng.uniform(0.05, 0.95, EXPERIMENTS)]) <= HIGH


def test_and_of_one_score_over_clusters() -> None:
    held = coverage(
        clustered(30), 0.5, lambda made, seed: score_interval(made.base, made.groups, seed, RESAMPLES)
    )
    assert LOW <= held <= HIGH


def test_fault_taking_the_pairs_apart_is_caught() -> None:
    def unpaired(made: Experiment, _: int) -> Interval:
        base, other = score_interval(made.base), score_interval(made.other)
        middle = (other.low + other.high - base.low - base.high) / 2
        half = np.hypot(other.high - other.low, base.high - base.low) / 2
        return Interval(middle - half, middle + half)

    assert coverage(wins_and_losses(100, 0.1, 0.1), 0.0, unpaired) > HIGH


def test_fault_taking_cases_of_a_cluster_for_independent_is_caught() -> None:
    def of_cases(made: Experiment, seed: int) -> Interval:
        return paired(made._replace(groups=None), seed)

    assert coverage(clustered(50), 0.0, of_cases) < LOW


def p_values(design: Design, with_groups: bool = True) -> Floats:
    rng = np.random.default_rng(SEED)

    def one(seed: int) -> float:
        made = design(rng)
        return sign_flip_p_value(made.other - made.base, made.groups if with_groups else None, seed, 499)

    return np.array([one(seed) for seed in range(EXPERIMENTS)])


def no_gain(clusters: int, of: int = 1) -> Design:
    """Smooth scores in clusters of `of` cases that go up and down together."""

    def draw(rng: np.random.Generator) -> Experiment:
        groups = np.repeat(np.arange(clusters), of)
        shift = rng.normal(0, 0.1, clusters)[groups]
        base = rng.normal(0.5, 0.1, len(groups))
        other = rng.normal(0.5, 0.1, len(groups)) + shift
        return Experiment(base, other, [str(group) for group in groups])

    return draw


@pytest.mark.parametrize("design", [no_gain(8), no_gain(50), no_gain(20, of=5)])
def test_where_there_is_no_gain_p_is_uniform(design: Design) -> None:
    """By Kolmogorov and Smirnov's test on 1,000 of them, at 1 %."""
    assert scipy.stats.kstest(p_values(design), "uniform").pvalue > 0.01


def test_right_and_wrong_answers_never_make_p_too_small() -> None:
    """They come in steps, so p may only be too large."""
    for design in (wins_and_losses(40, 0.1, 0.1), clustered(20)):
        found = p_values(design)
        for level in (0.01, 0.05, 0.2):
            assert (found <= level).mean() <= level + 2.5 * np.sqrt(level * (1 - level) / EXPERIMENTS)


def test_fault_flipping_cases_and_not_clusters_is_caught() -> None:
    found = p_values(no_gain(20, of=5), with_groups=False)
    assert (found <= 0.05).mean() > 0.1
    assert scipy.stats.kstest(found, "uniform").pvalue < 0.01


def test_so_many_cases_do_settle_it_in_four_of_five_experiments() -> None:
    needed = cases_to_settle([1.0] * 200 + [-1.0] * 100 + [0.0] * 700)
    assert needed == 230
    rng = np.random.default_rng(SEED)
    design = wins_and_losses(needed, 0.2, 0.1)
    settled = [
        compare_paired(made.base, made.other, None, seed, RESAMPLES).is_settled
        for seed, made in ((seed, design(rng)) for seed in range(500))
    ]
    assert 0.7 < np.mean(settled) < 0.85
