"""Reads one JSON array of objects, entry by entry, so that each keeps the line in which it begins."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sweeper.data.jsonl import DuplicateKey, without_duplicates
from sweeper.data.records import Record, kind_of
from sweeper.errors import InputError

_DECODER = json.JSONDecoder(object_pairs_hook=without_duplicates)


def array_records(path: Path, text: str) -> Iterator[Record]:
    """The objects of the array that is `text`. Raises InputError with file:line."""
    at, line, counted = _after_space(text, text.index("[") + 1), 1, 0
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        value, end = _decoded(path, text, at, line)
        if not isinstance(value, dict):
            problem = f"this entry is {kind_of(value)}, must be an object"
            raise InputError(f"{path}:{line}", problem, "Write {...} for each row")
        yield Record(f"{path}:{line}", line, value)
        at = _next_entry(path, text, end)
    if counted == 0:
        raise InputError(str(path), "the array is empty", "Write one object per row into it")
    if text[at + 1 :].strip():
        problem = "something stands behind the array's closing bracket"
        raise InputError(_place(path, text, at), problem, "Keep one array in the file")


def _after_space(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\r", "\n"):
        at += 1
    return at


def _place(path: Path, text: str, at: int) -> str:
    line = text.count("\n", 0, at) + 1
    return f"{path}:{line}:{at - text.rfind(chr(10), 0, at)}"


def _decoded(path: Path, text: str, at: int, line: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        place = f"{path}:{error.lineno}:{error.colno}"
        raise InputError(place, f"this is not JSON ({error.msg})", "Correct it") from None
    except DuplicateKey as error:
        raise InputError(f"{path}:{line}", f"the key {str(error)!r} stands twice", "Remove one") from None
    except (RecursionError, ValueError):
        raise InputError(f"{path}:{line}", "this entry cannot be read", "Write a plain object") from None


def _next_entry(path: Path, text: str, at: int) -> int:
    """Where the next entry begins, or the closing bracket stands."""
    at = _after_space(text, at)
    match text[at : at + 1]:
        case "]":
            return at
        case ",":
            after = _after_space(text, at + 1)
            if text[after : after + 1] != "]":
                return after
            raise InputError(_place(path, text, at), "nothing follows this comma", "Remove it")
        case "":
            raise InputError(_place(path, text, at), "the array is not closed", "Add the ]")
        case _:
            raise InputError(_place(path, text, at), "no comma stands between two entries", "Add it")
