"""Loads a base model's tokenizer, and mends what transformers loses when it reads one from a GGUF."""

import logging
from pathlib import Path
from typing import Any

from sweeper.errors import InputError, UnavailableError
from sweeper.models.reference import BaseReference

_FILES = ("tokenizer*", "vocab*", "spiece.model", "sentencepiece*", "*.tiktoken", "tekken.json")
"""By one of these a folder shows that it holds a tokenizer."""


def may_have_tokenizer(reference: BaseReference) -> bool:
    """False for a folder that holds none: a config.json alone. Asks no hub and reads no file."""
    folder = Path(reference.source)
    if reference.gguf_file or not folder.is_dir():
        return True
    return any(True for pattern in _FILES for _ in folder.glob(pattern))


def load_tokenizer(reference: BaseReference) -> Any:
    """The tokenizer of a base.

    Raises InputError for a GGUF whose pre-tokenizer is not known, UnavailableError for a hub id that is
    neither cached nor to be had.
    """
    from transformers import AutoTokenizer

    path = reference.gguf_path
    if path is None:
        logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)  # it tells each of its retries
        try:
            return AutoTokenizer.from_pretrained(reference.source)
        except OSError:
            raise UnavailableError(
                f"{reference.text}: its tokenizer is neither in the cache nor to be had from the hub. "
                "Name a folder that holds the model, or go online."
            ) from None
    tokenizer = AutoTokenizer.from_pretrained(reference.source, gguf_file=reference.gguf_file)
    _mend_pre_tokenizer(tokenizer, _pre_tokenizer_name(str(path)), str(path))
    return tokenizer


def _pre_tokenizer_name(path: str) -> str | None:
    """`tokenizer.ggml.pre`, or None where the file has none (SentencePiece models)."""
    from gguf import GGUFReader

    field = GGUFReader(path).get_field("tokenizer.ggml.pre")
    return None if field is None else str(field.contents())


def _mend_pre_tokenizer(tokenizer: Any, name: str | None, path: str) -> None:
    """transformers rebuilds every BPE tokenizer with one rule; SmolLM's splits digits before it."""
    from tokenizers import pre_tokenizers

    if name is None:
        return
    if name == "smollm":
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
        return
    raise InputError(
        path,
        f"tokenizer.ggml.pre is {name!r}, and how it splits text cannot be rebuilt from a GGUF here",
        "Use the model's Hugging Face folder or hub id as model.base",
    )
