"""Words in one form, and the same words as numbers."""

import numpy as np
import pytest

from sweeper.data.words import END_ID, UNKNOWN_ID, numbered, vocabulary_of, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("How do I locate my CARD?!", ["how", "do", "i", "locate", "my", "card"]),
        ("Straße ﬁne\u00a0x²", ["strasse", "fine", "x2"]),
        ("3 + 4 = 7", ["3", "+", "4", "=", "7"]),
        ("2 -1, check-in", ["2", "-", "1", "check", "in"]),
        ("我的卡", ["我", "的", "卡"]),
        ("บัตร ok", [*"บัตร", "ok"]),
        ("a\x00b", ["a", "b"]),
        (" \n", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_numbers_stand_for_words() -> None:
    vocabulary = vocabulary_of(["my card", "your card"])
    texts = numbered(["Card, my card!", "", "an\x00other card"], vocabulary)
    assert texts.lengths.tolist() == [3, 0, 3]
    my, card = vocabulary["my"], vocabulary["card"]
    assert [texts.of(text).tolist() for text in range(3)] == [[card, my, card], [], [1, 1, card]]
    assert np.flatnonzero(texts.ids == END_ID).tolist() == [3, 4, 8]
    assert UNKNOWN_ID == 1
    assert numbered([], vocabulary).lengths.tolist() == []
