"""Reads a text file that a user named, or says in one line why it cannot be read."""

from pathlib import Path

from sweeper.errors import InputError
from sweeper.space.suggest import closest


def read_text(path: Path) -> str:
    """The file's text (UTF-8, with or without a byte order mark). Raises InputError."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(str(path), "there is no such file", similar_file(path)) from None
    except IsADirectoryError:
        raise InputError(str(path), "this is a folder, must be a file", "Name a file in it") from None
    except NotADirectoryError:
        raise InputError(str(path), "a part of this path is no folder", "Correct the path") from None
    except OSError as error:
        raise InputError(
            str(path), f"cannot be read ({error.strerror})", "Check the path and its rights"
        ) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}:{line}", f"byte {content[error.start]:#04x} is not UTF-8", "Save the file as UTF-8"
        ) from None


def similar_file(path: Path) -> str:
    """The fix for a missing file: a file of a similar name beside it, or what else to look at."""
    if not path.parent.is_dir():
        return f"There is no folder {path.parent} either, correct the path"
    names = sorted(entry.name for entry in path.parent.iterdir())
    near = closest(path.name, names, cutoff=0.75)
    return f"Did you mean '{near}'?" if near else f"Correct the path, or put the file into {path.parent}"
