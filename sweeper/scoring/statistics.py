"""What the scores of some cases say about all the cases that might have been asked.

Intervals are percentile bootstraps over cases, or over clusters of cases that belong together (several
questions on one text); p-values are sign-flip permutations. Both are seeded: the same scores give the
same figures. What was measured of them, and where they fall short, stands in docs/statistics.md.

Scores are from 0 to 1 and more is better. Not covered: the choice among many trials. The best of many
looks better than it is on the cases that it was chosen by, and no interval of its own mends that.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES = 10_000
_MOST_ENUMERATED = 12
"""Up to so many clusters that differ, all their sign flips are gone through instead of drawn."""
_DRAWN_AT_ONCE = 2_000_000
_NORMAL = NormalDist()

Floats = NDArray[np.float64]
Scores = Sequence[float] | Floats
Groups = Sequence[str | None]
"""Beside each case the cluster that it belongs to; None for a case that stands alone."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Comparison:
    """One model beside another on the same cases. `difference` is the mean of theirs taken from its own.

    `clusters` is how many independent pieces of evidence the `cases` are. `cases_to_settle` is about
    how many cases would show a difference of this size (see `cases_to_settle`), None where there is none.
    """

    difference: float
    interval: Interval
    p_value: float
    cases: int
    clusters: int
    cases_to_settle: int | None

    @property
    def is_settled(self) -> bool:
        """Whether chance is ruled out, as far as these cases can."""
        return not self.interval.holds(0.0) and self.p_value < 1 - CONFIDENCE


def compare_paired(
    base: Scores,
    other: Scores,
    groups: Groups | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Comparison:
    """How much better `other` is than `base`; at the same place stands the same case.

    Identical scores give the interval [0, 0] and p = 1. Raises ValueError for lengths that differ
    and for no case at all.
    """
    differences = np.asarray(other, dtype=float) - np.asarray(base, dtype=float)
    clusters = _clustered(differences, groups)
    return Comparison(
        difference=float(differences.mean()),
        interval=_paired_interval(clusters, seed, resamples),
        p_value=sign_flip_p_value(differences, groups, seed, resamples),
        cases=len(differences),
        clusters=len(clusters.sums),
        cases_to_settle=cases_to_settle(differences, groups),
    )


def score_interval(
    scores: Scores, groups: Groups | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """Where the mean over all such cases may lie.

    Scores of 0 and 1 only get Wilson's interval, for near 0 and 1 resampling cannot see the cases that
    did not occur: 40 right answers of 40 would give [1, 1].
    Source: Wilson 1927; Brown, Cai and DasGupta 2001, "Interval Estimation for a Binomial Proportion".
    """
    values = np.asarray(scores, dtype=float)
    clusters = _clustered(values, groups)
    if clusters.are_single and np.isin(values, (0.0, 1.0)).all():
        return _wilson(int(values.sum()), len(values))
    if len(clusters.sums) == 1:
        return Interval(min(0.0, float(values.min())), max(1.0, float(values.max())))
    return _bootstrap(clusters, seed, resamples, _widened_tail(len(clusters.sums)))


def sign_flip_p_value(
    differences: Scores,
    groups: Groups | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> float:
    """How often chance alone gives a mean at least as far from 0, if neither model is the better one.

    Then each cluster's difference might as well stand with the other sign. The draw that was seen
    counts as one (Phipson and Smyth 2010), so p is never 0 and never too small.
    """
    sums = _clustered(np.asarray(differences, dtype=float), groups).sums
    sums = sums[sums != 0]
    if not len(sums):
        return 1.0
    seen = abs(sums.sum()) * (1 - 1e-9)  # rounding must not make equal sums unequal
    if len(sums) <= _MOST_ENUMERATED:
        bits = np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums)) & 1
        return float((np.abs((2 * bits - 1) @ sums) >= seen).mean())
    rng = np.random.default_rng(seed)
    flipped = _in_chunks(
        resamples, len(sums), lambda size: (2 * rng.integers(0, 2, size, dtype=np.int8) - 1) @ sums
    )
    return float((1 + (np.abs(flipped) >= seen).sum()) / (1 + resamples))


def cases_to_settle(differences: Scores, groups: Groups | None = None, power: float = 0.8) -> int | None:
    """How many such cases show the mean of `differences` in `power` of all experiments, to two digits.

    That is n (z_0.975 + z_power)² (standard error / mean)², by the normal approximation; clustered
    cases are taken to come in clusters as large as these. It takes the mean seen for the true one, so
    it is a guide, not a promise. None where the mean is 0, and where the cases do not differ among
    themselves: then nothing says how much they vary.
    """
    values = np.asarray(differences, dtype=float)
    clusters = _clustered(values, groups)
    mean, number = values.mean(), len(clusters.sums)
    if number < 2 or mean == 0:
        return None
    residuals = clusters.sums - mean * clusters.sizes
    variance = number / (number - 1) * float(residuals @ residuals) / len(values) ** 2
    wanted = _NORMAL.inv_cdf((1 + CONFIDENCE) / 2) + _NORMAL.inv_cdf(power)
    return _two_digits(len(values) * wanted**2 * variance / mean**2) or None


@dataclass(frozen=True, slots=True)
class _Clusters:
    """Per cluster the sum of its cases' values and their number, both [clusters]."""

    sums: Floats
    sizes: Floats

    @property
    def are_single(self) -> bool:
        """Whether each case stands alone."""
        return bool((self.sizes == 1).all())


def _clustered(values: Floats, groups: Groups | None) -> _Clusters:
    if not len(values):
        raise ValueError("there are no cases")
    if groups is None:
        return _Clusters(values, np.ones(len(values)))
    if len(groups) != len(values):
        raise ValueError(f"{len(groups)} groups stand beside {len(values)} cases")
    number_of: dict[object, int] = {}
    keys = [(place,) if group is None else group for place, group in enumerate(groups)]
    numbers = [number_of.setdefault(key, len(number_of)) for key in keys]
    sums = np.asarray(np.bincount(numbers, weights=values), dtype=float)
    return _Clusters(sums, np.asarray(np.bincount(numbers), dtype=float))


def _paired_interval(clusters: _Clusters, seed: int, resamples: int) -> Interval:
    sums, number = clusters.sums, len(clusters.sums)
    if not sums.any():
        return Interval(0.0, 0.0)
    is_win_or_loss = clusters.are_single and bool(np.isin(sums, (-1.0, 0.0, 1.0)).all())
    if is_win_or_loss and abs(sums.sum()) == number:
        return _all_alike(number, sign=float(sums[0]))
    if number == 1:
        return Interval(-1.0, 1.0)  # one piece of evidence cannot say how much such pieces vary
    tail = (1 - CONFIDENCE) / 2 if is_win_or_loss else _widened_tail(number)
    return _bootstrap(clusters, seed, resamples, tail)


def _all_alike(cases: int, sign: float) -> Interval:
    """Every case was won, or every one lost: resampling sees no chance in that, Wilson's interval does."""
    low = 2 * _wilson(cases, cases).low - 1
    return Interval(low, 1.0) if sign > 0 else Interval(-1.0, -low)


def _bootstrap(clusters: _Clusters, seed: int, resamples: int, tail: float) -> Interval:
    """Percentiles `tail` and 1 - `tail` of the mean over as many clusters, drawn with replacement."""
    rng = np.random.default_rng(seed)
    number = len(clusters.sums)

    def means(size: tuple[int, int]) -> Floats:
        drawn = rng.integers(0, number, size)
        sizes = number if clusters.are_single else clusters.sizes[drawn].sum(axis=1)
        drawn_means: Floats = clusters.sums[drawn].sum(axis=1) / sizes
        return drawn_means

    low, high = np.quantile(_in_chunks(resamples, number, means), [tail, 1 - tail])
    return Interval(float(low), float(high))


def _widened_tail(number: int) -> float:
    """The percentile that makes the bootstrap as wide as Student's interval is.

    Plain percentiles are too narrow for few clusters: they divide by n and not by n - 1, and take the
    spread for known. Source: Hesterberg 2015, "What Teachers Should Know About the Bootstrap", 5.3.
    Wins and losses need it not: measured, it makes theirs too wide.
    """
    from scipy.special import stdtrit

    student = float(stdtrit(number - 1, (1 + CONFIDENCE) / 2))
    return _NORMAL.cdf(-math.sqrt(number / (number - 1)) * student)


def _wilson(right: int, cases: int) -> Interval:
    z = _NORMAL.inv_cdf((1 + CONFIDENCE) / 2)
    share, spread = right / cases, 1 + z * z / cases
    centre = (share + z * z / (2 * cases)) / spread
    half = z / spread * math.sqrt(share * (1 - share) / cases + z * z / (4 * cases * cases))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def _in_chunks(resamples: int, width: int, draw: Callable[[tuple[int, int]], Any]) -> Floats:
    """`draw` of [rows, width] for `resamples` rows in all, so many at once that memory stays small."""
    rows = max(1, _DRAWN_AT_ONCE // width)
    starts = range(0, resamples, rows)
    drawn = [draw((min(rows, resamples - start), width)) for start in starts]
    whole: Floats = np.concatenate(drawn)
    return whole


def _two_digits(value: float) -> int:
    """Rounded up, for half a case more is one more."""
    if value <= 0:
        return 0
    step = 10.0 ** max(0, math.floor(math.log10(value)) - 1)
    return int(math.ceil(value / step - 1e-9) * step)
