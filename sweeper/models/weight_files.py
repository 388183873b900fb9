"""Which files hold a base's weights, and the hash by which a changed base is known."""

import hashlib
import json
from pathlib import Path

from sweeper.models.reference import BaseReference

_SINGLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_ANY = ("*.safetensors", "*.bin")


def weight_files(reference: BaseReference) -> list[Path]:
    """The files, by name: the .gguf, or those that from_pretrained reads of a folder or a cached hub id.

    Empty where none is found. Asks no network.
    """
    if reference.gguf_path is not None:
        return [reference.gguf_path]
    folder = model_folder(reference)
    if folder is None:
        return []
    if stored := safetensors_files(folder):
        return stored
    return next((found for pattern in _ANY if (found := sorted(folder.glob(pattern)))), [])


def safetensors_files(folder: Path) -> list[Path]:
    """model.safetensors, or the parts that its index names; empty where the folder has neither."""
    if (folder / _SINGLE).is_file():
        return [folder / _SINGLE]
    if not (folder / _INDEX).is_file():
        return []
    index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    return [folder / name for name in sorted(set(index["weight_map"].values()))]


def model_folder(reference: BaseReference) -> Path | None:
    """The folder that a reference names, or a hub id's in the cache; None where it is not there."""
    if Path(reference.source).is_dir():
        return Path(reference.source)
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(reference.source, "config.json")
    return Path(config).parent if isinstance(config, str) else None


def weights_sha256(reference: BaseReference) -> str:
    """Of the file's content, as `sha256sum` gives it; of several files, of the lines "HASH  NAME" in order.

    "" where no file is found. Reads all of them: a core manages about 1 GB a second.
    """
    files = weight_files(reference)
    hashes = [_file_sha256(path) for path in files]
    if len(files) < 2:
        return "".join(hashes)
    lines = [f"{digest}  {path.name}\n" for digest, path in zip(hashes, files, strict=True)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
