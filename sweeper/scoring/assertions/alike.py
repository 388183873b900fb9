"""How alike an answer and a wanted text are, from 0 to 1."""

import regex
from rapidfuzz.distance import LCSseq
from rapidfuzz.fuzz import ratio

from sweeper.scoring.assertions.kind import Asked, Kind, Verdict, text

_WITHOUT_BLANKS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORD = regex.compile(rf"[{_WITHOUT_BLANKS}]|[\w--[{_WITHOUT_BLANKS}]]+", regex.V1)


def words(text: str) -> list[str]:
    """Runs of letters and digits in small letters. In a script without blanks each character is one."""
    found: list[str] = _WORD.findall(text.casefold())
    return found


def similar(asked: Asked, value: str) -> Verdict:
    """The share of characters that need no edit: 1 minus the indel distance over both lengths (rapidfuzz)."""
    score = ratio(asked.answer.strip(), value.strip()) / 100
    return Verdict(score, f"{score:.0%} of the characters alike")


def rouge_l(asked: Asked, value: str) -> Verdict:
    """F1 of the longest common subsequence of words (Lin 2004, "ROUGE", section 3, with beta = 1)."""
    answer, wanted = words(asked.answer), words(value)
    common = LCSseq.similarity(answer, wanted)
    score = 2 * common / (len(answer) + len(wanted)) if common else 0.0
    return Verdict(score, f"{common} words in common, of {len(answer)} and {len(wanted)}")


KINDS = {"similar": Kind(text, similar), "rouge-l": Kind(text, rouge_l)}
