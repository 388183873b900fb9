"""The strings are of every kind and always the same; one that is split otherwise is named."""

from pathlib import Path

from sweeper.promote.token_ids import prove_token_ids, sample_strings
from tests.promote.tiny import tiny_base


def test_the_strings_are_always_the_same_and_of_every_kind() -> None:
    strings = sample_strings(["<end>"])
    assert strings == sample_strings(["<end>"])
    assert len(strings) == 1000
    for piece in ("<end>", "2024", "😀", "你好", "\n\n", "     ", "return x"):
        assert any(piece in text for text in strings)


def test_one_digit_split_otherwise_is_seen(tmp_path: Path) -> None:
    tokenizer = tiny_base(tmp_path).tokenizer

    def split(text: str) -> list[int]:
        ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    assert prove_token_ids(tokenizer, split, False, number=200).passed
    found = prove_token_ids(tokenizer, lambda text: split(text.replace("007", "7")), False, number=200)
    assert not found.passed
    assert "are split otherwise" in found.detail
