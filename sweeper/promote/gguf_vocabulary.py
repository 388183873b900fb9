"""What a .gguf file says about its vocabulary."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sweeper.promote.proofs import Proof

_ADD_BOS = "tokenizer.ggml.add_bos_token"
_COMPARED = (
    "tokenizer.ggml.model",
    "tokenizer.ggml.pre",
    "tokenizer.ggml.tokens",
    "tokenizer.ggml.merges",
    "tokenizer.ggml.scores",
    "tokenizer.ggml.eos_token_id",
)


def adds_bos(gguf: Path) -> bool:
    """Whether llama.cpp puts the begin-of-text token in front of a prompt by itself."""
    read = _reader(gguf)
    value = read(_ADD_BOS)
    return bool(read("tokenizer.ggml.model") == "llama") if value is None else bool(value)


def is_sentencepiece(gguf: Path) -> bool:
    """Whether the vocabulary is a SentencePiece model's."""
    return bool(_reader(gguf)("tokenizer.ggml.model") == "llama")


def stop_adding_bos(gguf: Path) -> None:
    """Has llama.cpp leave the begin-of-text token to the chat template, which has said all there is.

    Changes the file in place. A file without the setting stays as it is: there the token count tells.
    """
    from gguf import GGUFReader

    field = GGUFReader(gguf, "r+").get_field(_ADD_BOS)
    if field is not None:
        field.parts[field.data[0]][0] = False


def prove_vocabulary(source: Path, gguf: Path) -> Proof:
    """The vocabulary is the one of the .gguf file that the base came from.

    Sees a tokenizer that was rebuilt from it with another rule for splitting text.
    """
    name = "vocabulary = the base file's"
    wanted, found = _reader(source), _reader(gguf)
    for key in _COMPARED:
        if wanted(key) is not None and wanted(key) != found(key):
            return Proof(name, False, f"{key} is {_short(found(key))}, not {_short(wanted(key))}")
    tokens = len(found("tokenizer.ggml.tokens"))
    return Proof(name, True, f"{tokens} tokens, split as {found('tokenizer.ggml.pre')!r}")


def _reader(gguf: Path) -> Callable[[str], Any]:
    """Gives the value of a key of the file, None where it has none. Lists of texts take a second."""
    from gguf import GGUFReader

    file = GGUFReader(gguf)

    def read(key: str) -> Any:
        field = file.get_field(key)
        return None if field is None else field.contents()

    return functools.cache(read)


def _short(value: Any) -> str:
    return f"another list ({len(value)} entries)" if isinstance(value, list) else repr(value)
