"""Cases that stand among the training rows: who learned them by heart scores on them without learning more.

Three ways to overlap, the worst first. "same": the same words, punctuation and case aside. "13 words":
thirteen words in a row that both have (the measure of GPT-3's report, Brown et al. 2020, appendix C).
"few changed": at most a quarter of the words changed, and the same answer. In rows made from a pattern
("send me 4 chairs", "send me 5 chairs") most differ in a word; there the answer differs too, and who
knows the one does not know the other by heart.

What many rows share is their form and no sign of overlap: an instruction with several inputs is left
out, and thirteen words that stand in many rows or many cases do not count. Not covered: translations,
paraphrases with other words, and a case under 13 words inside a longer row.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from sweeper.data.grams import shared_grams
from sweeper.data.words import Integers, NumberedTexts, numbered, vocabulary_of, words

OverlapKind = Literal["same", "13 words", "few changed"]
KINDS: tuple[OverlapKind, ...] = ("same", "13 words", "few changed")
_LEAST_WORDS = 4
"""Shorter texts are compared with their instruction, or only as a whole."""
_CHANGED_SHARE = 0.25
_LOOKED_UP = 200_000
"""About so many places of a case's words are looked up in the rows."""
_ANY_ANSWER = -1


@dataclass(frozen=True, slots=True)
class Sample:
    """A training row or a case. `answer` is None where none is written down."""

    name: str
    instruction: str
    text: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class Overlap:
    """A case and the row nearest to it. `similarity` is the share of the case's words that agree."""

    case: Sample
    row: Sample
    kind: OverlapKind
    similarity: float


def find_overlaps(rows: Sequence[Sample], cases: Sequence[Sample]) -> list[Overlap]:
    """One overlap for each case that has any, the worst first.

    Some seconds for 100,000 rows against 1,000 cases; docs/overlap.md has figures.
    """
    shared = _shared_instructions([*rows, *cases])
    rows = _distinct(rows)
    case_texts = [_own_text(case, shared) for case in cases]
    vocabulary = vocabulary_of(case_texts)
    sides = _Sides(
        rows,
        cases,
        numbered([_own_text(row, shared) for row in rows], vocabulary),
        numbered(case_texts, vocabulary),
    )
    found: dict[int, Overlap] = {}
    for overlaps in (_same(sides), _in_a_row(sides), _few_changed(sides)):
        for case, overlap in overlaps:
            found.setdefault(case, overlap)
    return sorted(found.values(), key=lambda each: (KINDS.index(each.kind), -each.similarity))


@dataclass(frozen=True, slots=True)
class _Sides:
    """Rows without their copies, cases, and both as word numbers."""

    rows: Sequence[Sample]
    cases: Sequence[Sample]
    row_words: NumberedTexts
    case_words: NumberedTexts


_Found = Iterable[tuple[int, Overlap]]


def _shared_instructions(samples: Iterable[Sample]) -> set[str]:
    """Instructions that stand with more than one text: the form of a task, not a question."""
    first_text: dict[str, str] = {}
    return {
        sample.instruction
        for sample in samples
        if first_text.setdefault(sample.instruction, sample.text) != sample.text
    }


def _distinct(rows: Iterable[Sample]) -> list[Sample]:
    """Each row once: a row that was copied to weigh more is no sign of what many rows share."""
    return list({(row.instruction, row.text, row.answer): row for row in reversed(list(rows))}.values())[::-1]


def _own_text(sample: Sample, shared: set[str]) -> str:
    """What a sample says that others do not."""
    if sample.text.strip() and (sample.instruction in shared or len(sample.text.split()) >= _LEAST_WORDS):
        return sample.text
    return f"{sample.instruction} {sample.text}"


def _same(sides: _Sides) -> _Found:
    """The whole prompt the same; or what is its own, if that is not short and the answers agree."""
    wanted: dict[bytes, list[int]] = defaultdict(list)
    for case in range(len(sides.cases)):
        wanted[sides.case_words.of(case).tobytes()].append(case)
    for place, row in enumerate(sides.rows):
        row_words = sides.row_words.of(place)
        for case in wanted.get(row_words.tobytes(), ()):
            sample = sides.cases[case]
            is_whole = words(row.instruction) == words(sample.instruction)
            if is_whole or (len(row_words) >= _LEAST_WORDS and _agree(row.answer, sample.answer)):
                yield case, Overlap(sample, row, "same", 1.0)


def _in_a_row(sides: _Sides) -> _Found:
    for case, row, covered in shared_grams(sides.row_words, sides.case_words):
        share = covered / int(sides.case_words.lengths[case])
        yield case, Overlap(sides.cases[case], sides.rows[row], "13 words", share)


def _few_changed(sides: _Sides) -> _Found:
    answers: dict[str, int] = {}
    row_answers = np.array([_answer_number(row.answer, answers) for row in sides.rows])
    lines = _WordLines(sides.row_words, _vocabulary_size(sides.case_words))
    for case, sample in enumerate(sides.cases):
        case_words = sides.case_words.of(case)
        if len(case_words) < _LEAST_WORDS:
            continue
        near = lines.that_may_be_near(case_words)
        if sample.answer is not None:
            of_case = _answer_number(sample.answer, answers)
            near = near[np.isin(row_answers[near], (of_case, _ANY_ANSWER))]
        best = max(((_similarity(case_words, sides.row_words.of(row)), -row) for row in near), default=None)
        if best and best[0] >= 1 - _CHANGED_SHARE:
            yield case, Overlap(sample, sides.rows[-best[1]], "few changed", best[0])


class _WordLines:
    """For each word the texts that it stands in."""

    def __init__(self, texts: NumberedTexts, vocabulary_size: int) -> None:
        text_of = np.repeat(np.arange(len(texts.lengths)), texts.lengths + 1)
        pairs = np.sort(texts.ids * len(texts.lengths) + text_of)
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]  # np.unique hashes, which takes ten times as long here
        word_of, self._texts = np.divmod(pairs, max(1, len(texts.lengths)))
        self._begins = np.searchsorted(word_of, np.arange(vocabulary_size + 1))
        self._lengths = texts.lengths

    def that_may_be_near(self, wanted: Integers) -> NDArray[np.intp]:
        """Texts that can be made of `wanted` by changing a quarter of the words; and some that cannot.

        Each change takes one word of `wanted` away at most, so of any set of its words all but so many
        must be there. The rarest ones are looked up, as few as tell enough.
        """
        rarest = self._rarest(wanted)
        lines = [self._texts[self._begins[word] : self._begins[word + 1]] for word in rarest]
        there = np.bincount(np.concatenate(lines), minlength=len(self._lengths))
        longest = np.maximum(self._lengths, len(wanted))
        shortest = np.minimum(self._lengths, len(wanted))
        allowed = longest * _CHANGED_SHARE
        return np.flatnonzero((there >= len(rarest) - allowed) & (longest - shortest <= allowed))

    def _rarest(self, wanted: Integers) -> Integers:
        distinct = np.unique(wanted)
        counts = self._begins[distinct + 1] - self._begins[distinct]
        order = np.argsort(counts, kind="stable")
        needed = int(len(wanted) / (1 - _CHANGED_SHARE) * _CHANGED_SHARE) + 1
        affordable = int(np.searchsorted(np.cumsum(counts[order]), _LOOKED_UP))
        return distinct[order[: max(needed, affordable)]]


def _similarity(first: Integers, second: Integers) -> float:
    """The share of words that stay when one text is edited into the other, by Levenshtein's distance."""
    return Levenshtein.normalized_similarity(first.tolist(), second.tolist())


def _vocabulary_size(texts: NumberedTexts) -> int:
    return int(texts.ids.max(initial=0)) + 1


def _agree(first: str | None, second: str | None) -> bool:
    return first is None or second is None or _folded(first) == _folded(second)


def _answer_number(answer: str | None, numbers: dict[str, int]) -> int:
    return _ANY_ANSWER if answer is None else numbers.setdefault(_folded(answer), len(numbers))


def _folded(answer: str) -> str:
    return " ".join(words(answer))
