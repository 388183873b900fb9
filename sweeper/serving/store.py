"""Where Ollama keeps its models, if that is on this machine, and how much room there is."""

import os
import shutil
from pathlib import Path

from sweeper.serving.host import is_loopback

_FOLDERS = ("~/.ollama/models", "/usr/share/ollama/.ollama/models")
"""Of a server that the user has started, and of the service that Ollama's installer makes on Linux."""


def store_folder(url: str) -> Path | None:
    """The folder, None where it is not known: on another machine, or in a place of its own.

    OLLAMA_MODELS counts as it is set here, which the server may have otherwise.
    """
    if not is_loopback(url):
        return None
    named = os.environ.get("OLLAMA_MODELS")
    folders = [Path(named)] if named else [Path(name).expanduser() for name in _FOLDERS]
    return next((folder for folder in folders if folder.is_dir()), None)


def free_bytes(folder: Path) -> int:
    """Room on the disk of `folder`, or of its nearest parent that is there."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
