"""A tokenizer for the tiny model: one word per token id, w0 to w95."""

from typing import Any

from tests.training.tiny import VOCABULARY


def tiny_tokenizer(end: int, special: int) -> Any:
    """Splits at blanks. `end` is the end token's id, `special` that of one more special token."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    words = {f"w{number}": number for number in range(VOCABULARY)}
    backend = Tokenizer(WordLevel(words, unk_token="w0"))
    backend.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token=f"w{end}", extra_special_tokens=[f"w{special}"]
    )
