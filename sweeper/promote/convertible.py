"""Whether llama.cpp's converter takes a base, asked before anything is trained.

By its own word: it gets the model's settings and its tokenizer without weights, and refuses an architecture
or a way of splitting text that it does not know as it would after the sweep. What it writes serves to ask an
Ollama the same (`architecture_probe.py`).
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.models.reference import BaseReference
from sweeper.models.skeleton import skeleton_of
from sweeper.promote.converter import why_not_convertible
from sweeper.promote.file_hashes import folder_sha256, sha256_of
from sweeper.promote.merge import save_configs, save_tokenizer
from sweeper.promote.sdist import cache_root


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A .gguf file with a base's settings and tokens and no weights; or why the converter makes none."""

    gguf: Path
    refusal: str | None


def vocabulary_of(reference: BaseReference, tokenizer: Any, converter: Path) -> Vocabulary:
    """Asks the converter for it. What it wrote or said is kept in the cache, for to ask takes some five
    seconds."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        save_configs(skeleton_of(reference), folder)
        save_tokenizer(tokenizer, folder)
        key = hashlib.sha256(f"{folder_sha256(folder)} {sha256_of(converter)}".encode()).hexdigest()
        gguf = cache_root() / "convertible" / f"{key}.gguf"
        refusal = gguf.with_suffix(".txt")
        if not gguf.is_file() and not refusal.is_file():
            gguf.parent.mkdir(parents=True, exist_ok=True)
            part = gguf.with_suffix(f".{os.getpid()}.part")
            if (reason := why_not_convertible(converter, folder, part)) is None:
                part.rename(gguf)
            else:
                refusal.write_text(reason, encoding="utf-8")
        return Vocabulary(gguf, None if gguf.is_file() else refusal.read_text(encoding="utf-8"))
