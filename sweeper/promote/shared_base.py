"""A base's own .gguf file, converted once and kept, for all the adapters that stand beside it."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sweeper.models.load import Base
from sweeper.promote.adapter import LoraAdapter
from sweeper.promote.converter import convert_to_gguf
from sweeper.promote.disk import refuse_small_work_disk
from sweeper.promote.file_hashes import folder_sha256, sha256_of
from sweeper.promote.file_names import MODEL_GGUF
from sweeper.promote.gguf_vocabulary import adds_bos, stop_adding_bos
from sweeper.promote.merge import loaded_base, merge_adapter, save_tokenizer
from sweeper.promote.ollama_prompt import guard_chat_template

_HASH_CHARACTERS = 32
_NO_ADAPTER = LoraAdapter(Path(), {}, {})


@dataclass(frozen=True, slots=True)
class SharedBase:
    """`gguf` in f16, and a model `folder` of what it was converted from, without the weights."""

    folder: Path

    @property
    def gguf(self) -> Path:
        return self.folder / MODEL_GGUF

    @property
    def is_whole(self) -> bool:
        """Whether the file is there, and is the one that was converted."""
        noted = self._sha256.read_text() if self._sha256.is_file() else ""
        return self.gguf.is_file() and sha256_of(self.gguf) == noted

    def note_sha256(self) -> None:
        self._sha256.write_text(sha256_of(self.gguf))

    @property
    def _sha256(self) -> Path:
        return self.folder / f"{MODEL_GGUF}.sha256"


def shared_base(
    base: Base, weights_sha256: str, has_own_bos: bool, converter: Path, cache: Path, log: Path
) -> SharedBase:
    """The base in `cache`; made where it is not there, or is no longer what was converted.

    Known by the weights' hash, the tokenizer with its chat template, and the converter. `has_own_bos`:
    the chat template writes the begin-of-text token, so llama.cpp must not be kept from it. What the log
    says is the converter's. Whole or not at all. Raises SweepError and UnavailableError as its steps do.
    """
    kept = SharedBase(cache / _key(base, weights_sha256, has_own_bos, converter))
    if kept.is_whole:
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    refuse_small_work_disk(base.model.num_parameters(), cache)
    making = SharedBase(Path(tempfile.mkdtemp(dir=cache, prefix="writing-")))
    try:
        _convert(base, has_own_bos, converter, making, log)
        shutil.rmtree(kept.folder, ignore_errors=True)
        os.rename(making.folder, kept.folder)
    except OSError:
        if not kept.is_whole:  # else another promotion was quicker: its file is as good
            raise
    finally:
        shutil.rmtree(making.folder, ignore_errors=True)
    return kept


def _convert(base: Base, has_own_bos: bool, converter: Path, target: SharedBase, log: Path) -> None:
    merge_adapter(loaded_base(base), _NO_ADAPTER, target.folder)
    save_tokenizer(base.tokenizer, target.folder)
    guard_chat_template(target.folder)
    convert_to_gguf(converter, target.folder, target.gguf, log)
    (target.folder / "model.safetensors").unlink()
    if adds_bos(target.gguf) and not has_own_bos:
        stop_adding_bos(target.gguf)
    target.note_sha256()


def _key(base: Base, weights_sha256: str, has_own_bos: bool, converter: Path) -> str:
    """A hash of all that decides what is in the file."""
    known = hashlib.sha256(f"{weights_sha256} {has_own_bos} {base.model.config.to_json_string()}".encode())
    known.update(converter.read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        save_tokenizer(base.tokenizer, Path(folder))
        known.update(folder_sha256(Path(folder)).encode())
    return known.hexdigest()[:_HASH_CHARACTERS]
