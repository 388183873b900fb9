"""How llama.cpp splits text by the .gguf, held against the tokenizer, on strings of every kind."""

import random
from collections.abc import Callable, Sequence
from typing import Any

from sweeper.promote.proofs import Proof

STRINGS = 1000
NAME = "token ids = tokenizer's"

_PIECES = (
    *("def f(x):\n    return x ** 2  # square", "for (int i = 0; i < n; ++i) {", '{"a": [1, 2.50, null]}'),
    *("0", "7", "42", "2024", "1234567890", "3.14159", "1,000,000", "0x1F", "12:30", "007"),
    *("😀", "👩\u200d👩\u200d👧", "🇩🇪", "👍🏽", "❤️", "☃"),
    *("你好\uff0c世界。", "東京タワー", "한국어", "नमस्ते", "שלום", "مرحبا", "Ελλάδα", "Привет"),
    *(" ", "  ", "     ", "\n", "\n\n", "\t", " \n ", "\u00a0", "\u3000"),
    *("don't", "I'LL", "it's", "café", "cafe\u0301", "Größe", "naïve", "\u017ftraße", "ﬁ"),
    *("Hello", " world", "HTTPServer", "snake_case", "camelCase", "the", "tokenization", "a", "Z"),
    *("!", "...", "?!", "---", "==", "=>", "://", "\\n", "`", "```", "$x$", "#", "@", "%", "&amp;", "<b>"),
)


def sample_strings(special: Sequence[str], number: int = STRINGS) -> list[str]:
    """Always the same ones: code, digits, emoji, other scripts, white space, and `special` tokens."""
    rng = random.Random(0)
    pieces = [*_PIECES, *special]
    return ["".join(rng.choices(pieces, k=rng.randint(1, 8))) for _ in range(number)]


def prove_token_ids(
    tokenizer: Any, split: Callable[[str], list[int]], is_sentencepiece: bool, number: int = STRINGS
) -> Proof:
    """`split` is llama.cpp's. For SentencePiece no special tokens stand in the strings: behind one
    llama.cpp begins the text with a blank, where some tokenizers of transformers do not."""
    strings = sample_strings([] if is_sentencepiece else _special(tokenizer), number)
    wrong = []
    for text in strings:
        wanted = tokenizer(text, add_special_tokens=False)["input_ids"]
        if (found := split(text)) != wanted:
            wrong.append(f"{text[:40]!r} is {found[:12]}, not {wanted[:12]}")
    if wrong:
        return Proof(NAME, False, f"{len(wrong)} of {len(strings)} strings are split otherwise; {wrong[0]}")
    return Proof(NAME, True, f"{len(strings)} strings, split by llama.cpp itself")


def _special(tokenizer: Any) -> list[str]:
    return [str(token) for token in tokenizer.all_special_tokens][:8]
