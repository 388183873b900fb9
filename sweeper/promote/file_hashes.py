"""The hashes by which a file is found again."""

import hashlib
from pathlib import Path

_CHUNK_BYTES = 1 << 20


def file_hashes(path: Path) -> tuple[str, str]:
    """sha256 and md5 of a file's content, in hexadecimal. The file is read once."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            sha256.update(chunk)
            md5.update(chunk)
    return sha256.hexdigest(), md5.hexdigest()


def folder_sha256(folder: Path) -> str:
    """Of the names and the contents of all files right in `folder`."""
    parts = [f"{path.name} {sha256_of(path)} " for path in sorted(folder.iterdir())]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
