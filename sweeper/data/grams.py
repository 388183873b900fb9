"""Runs of thirteen words that texts on two sides share."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeper.data.words import FIRST_ID, Integers, NumberedTexts

GRAM_WORDS = 13
_MANY_ROWS = 10
"""A run that more rows than this share, or more than half of them, is their form and says nothing."""
_MANY_CASES, _MANY_CASES_SHARE = 3, 0.2
"""And so is one that as many cases share, if they are that share of all."""

Hashes = NDArray[np.uint64]
Flags = NDArray[np.bool_]


def shared_grams(rows: NumberedTexts, cases: NumberedTexts) -> Iterator[tuple[int, int, int]]:
    """For each case with shared runs: the case, the row that shares most, and how many words of the case
    they cover. Runs are compared by hashes of 64 bits, so that millions take a second."""
    of_cases = _grams(cases)
    of_rows = _grams(rows)
    of_rows = of_rows.only(np.isin(of_rows.hashes, of_cases.hashes))
    common = _stand_in_many(of_rows, _MANY_ROWS + 1, len(rows.lengths) // 2 + 1)
    least = max(_MANY_CASES, int(_MANY_CASES_SHARE * len(cases.lengths)) + 1)
    common = np.union1d(common, _stand_in_many(of_cases, least, least))
    of_rows = of_rows.only(~np.isin(of_rows.hashes, common))
    of_cases = of_cases.only(np.isin(of_cases.hashes, of_rows.hashes))
    rows_of: dict[int, set[int]] = defaultdict(set)
    for gram, row in zip(of_rows.hashes.tolist(), of_rows.texts.tolist(), strict=True):
        rows_of[gram].add(row)
    for case in np.unique(of_cases.texts).tolist():
        yield case, *_best_row(of_cases.only(of_cases.texts == case), rows_of)


@dataclass(frozen=True, slots=True)
class _Grams:
    """Hash, text and first word of each run; all [runs]."""

    hashes: Hashes
    texts: Integers
    places: Integers

    def only(self, chosen: Flags) -> "_Grams":
        return _Grams(self.hashes[chosen], self.texts[chosen], self.places[chosen])


def _grams(texts: NumberedTexts) -> _Grams:
    """All runs of known words that lie within one text."""
    ids = texts.ids
    count = max(0, len(ids) - GRAM_WORDS + 1)
    is_known = ids >= FIRST_ID
    run_end = np.concatenate([[0], np.cumsum(~is_known)])
    places = np.flatnonzero(run_end[GRAM_WORDS:] == run_end[:count]) if count else np.zeros(0, dtype=np.int64)
    mixed = _mixed(ids.astype(np.uint64))
    hashes = np.zeros(count, dtype=np.uint64)
    for offset in range(GRAM_WORDS):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + mixed[offset : offset + count]
    return _Grams(hashes[places], np.searchsorted(texts.starts, places, side="right") - 1, places)


def _mixed(numbers: Hashes) -> Hashes:
    """Each number as one that looks random. Source: the finaliser of splitmix64 (Steele et al. 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _stand_in_many(grams: _Grams, many: int, most: int) -> Hashes:
    """The hashes that stand in at least `many` different texts, or in at least `most`, and in two."""
    hashes, numbers = np.unique(grams.hashes, return_inverse=True)
    pairs = np.unique(numbers.astype(np.int64) << 32 | grams.texts)
    texts = np.bincount(pairs >> 32, minlength=len(hashes))
    return hashes[texts >= max(2, min(many, most))]


def _best_row(grams: _Grams, rows_of: dict[int, set[int]]) -> tuple[int, int]:
    """The row that shares most of one case's runs, and how many of its words those cover."""
    hashes = grams.hashes.tolist()
    counts = Counter(row for gram in hashes for row in rows_of[gram])
    row = min(counts, key=lambda each: (-counts[each], each))
    places = grams.places[[row in rows_of[gram] for gram in hashes]]
    return row, int(np.minimum(np.diff(places), GRAM_WORDS).sum()) + GRAM_WORDS
