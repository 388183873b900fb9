"""Texts as numbered words, for comparing very many of them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # kana, Han
)
_END = "\x00"
_WORD = re.compile(rf"{_END}|[{_UNSPACED}]|[^\W_{_UNSPACED}]+|[+*/=<>%^|~]|-(?=\s*\d)")
_TEXTS_AT_ONCE = 5_000
END_ID, UNKNOWN_ID, FIRST_ID = 0, 1, 2


def words(text: str) -> list[str]:
    """The words of `text` in one form: compatible signs made equal, case folded, punctuation dropped.

    Signs that calculate are words, so '3 + 4' is not '3 - 4'. In scripts that put no blank between
    words each sign is one.
    """
    return _WORD.findall(_folded(text.replace(_END, " ")))


@dataclass(frozen=True, slots=True)
class NumberedTexts:
    """Texts as word numbers one after the other: `ids` [all words, and END_ID after each text].

    `starts` and `lengths` [texts] say where the words of a text stand. UNKNOWN_ID is any word that the
    vocabulary lacks.
    """

    ids: Integers
    starts: Integers
    lengths: Integers

    def of(self, text: int) -> Integers:
        """The word numbers of one text."""
        start = self.starts[text]
        return self.ids[start : start + self.lengths[text]]


def vocabulary_of(texts: Iterable[str]) -> dict[str, int]:
    """A number for each word of `texts`."""
    vocabulary: dict[str, int] = {}
    for text in texts:
        for word in words(text):
            vocabulary.setdefault(word, len(vocabulary) + FIRST_ID)
    return vocabulary


def numbered(texts: Sequence[str], vocabulary: dict[str, int]) -> NumberedTexts:
    """`texts` by the numbers of `vocabulary`."""
    known = {**vocabulary, _END: END_ID}
    parts = [_chunk_ids(chunk, known) for chunk in _chunks(texts)]
    ids = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    ends = np.flatnonzero(ids == END_ID)
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)[: len(ends)]
    return NumberedTexts(ids, starts, ends - starts)


def _chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The words of all texts at once would take some hundred bytes each."""
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        yield texts[start : start + _TEXTS_AT_ONCE]


def _chunk_ids(texts: Sequence[str], known: dict[str, int]) -> Integers:
    joined = "".join(f"{text.replace(_END, ' ')}{_END}" for text in texts)
    found = _WORD.findall(_folded(joined))
    return np.fromiter(map(known.get, found, repeat(UNKNOWN_ID)), dtype=np.int64, count=len(found))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
