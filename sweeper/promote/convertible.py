"""Whether llama.cpp's converter takes a base, asked before anything is trained.

By its own word: it gets the model's settings and its tokenizer without weights, and refuses an architecture
or a way of splitting text that it does not know as it would after the sweep. Not covered: what an Ollama
does not take of what the converter writes.
"""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from sweeper.models.reference import BaseReference
from sweeper.models.skeleton import skeleton_of
from sweeper.promote.converter import why_not_convertible
from sweeper.promote.file_hashes import folder_sha256, sha256_of
from sweeper.promote.merge import save_configs, save_tokenizer
from sweeper.promote.sdist import cache_root


def conversion_refusal(reference: BaseReference, tokenizer: Any, converter: Path) -> str | None:
    """The converter's reason not to take the base; None where it takes it.

    What it said is kept in the cache, for to ask it takes some five seconds.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        save_configs(skeleton_of(reference), folder)
        save_tokenizer(tokenizer, folder)
        key = hashlib.sha256(f"{folder_sha256(folder)} {sha256_of(converter)}".encode()).hexdigest()
        kept = cache_root() / "convertible" / key
        if not kept.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(why_not_convertible(converter, folder) or "", encoding="utf-8")
        return kept.read_text(encoding="utf-8") or None
