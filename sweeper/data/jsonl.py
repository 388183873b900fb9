"""Reads JSON Lines: one JSON object per line, in UTF-8."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sweeper.data.records import Record, kind_of, text_at
from sweeper.errors import InputError
from sweeper.space.text_file import read_text


def read_jsonl_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line's number, from 1, and its object; blank lines are skipped.

    Raises InputError with file:line for what is no JSON object, and for a file without any.
    """
    # Not splitlines(): JSON texts may hold U+2028 and its like, which are no line ends here.
    lines = read_text(path).split("\n")
    found = False
    for number, line in enumerate(lines, 1):
        if line and not line.isspace():
            yield number, _object(path, number, line, is_first=not found)
            found = True
    if not found:
        raise InputError(str(path), "the file has no lines", "Write one JSON object per line into it")


def text_field(path: Path, number: int, record: dict[str, Any], key: str, optional: bool = False) -> str:
    """The text under `key` of the object in line `number`; "" where it is missing and `optional`.

    Raises InputError where it is missing or no text.
    """
    return text_at(Record(f"{path}:{number}", number, record), key, optional)


def _object(path: Path, number: int, line: str, is_first: bool) -> dict[str, Any]:
    try:
        value = json.loads(line, object_pairs_hook=without_duplicates)
    except json.JSONDecodeError as error:
        raise _not_json(path, number, line, is_first, error) from None
    except DuplicateKey as error:
        raise InputError(
            f"{path}:{number}", f"the key {str(error)!r} stands twice", "Remove one of the two"
        ) from None
    except (RecursionError, ValueError):
        raise InputError(
            f"{path}:{number}", "this line cannot be read", "Write a plain JSON object"
        ) from None
    if isinstance(value, dict):
        return value
    if is_first and isinstance(value, list) and value and isinstance(value[0], dict):
        raise _json_array(path, number)
    raise InputError(
        f"{path}:{number}", f"this line is {kind_of(value)}, must be an object", "Write {...} on each line"
    )


def _not_json(path: Path, number: int, line: str, is_first: bool, error: json.JSONDecodeError) -> InputError:
    if is_first and line.strip() == "[":
        return _json_array(path, number)
    place = f"{path}:{number}:{error.colno}"
    if is_first and line.strip() == "{":
        return InputError(
            place, "this object spans several lines", "Write each object on one line of its own"
        )
    return InputError(place, f"this is not JSON ({error.msg})", "Correct the line, or remove it")


def _json_array(path: Path, number: int) -> InputError:
    fix = f"Write one object per line, for example with `jq -c '.[]' {path.name}`"
    return InputError(f"{path}:{number}", "this is one JSON array, must be JSON Lines", fix)


class DuplicateKey(ValueError):
    """The key that an object holds twice."""


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The hook of json's decoders that refuses a key which stands twice, by a ValueError."""
    record = dict(pairs)
    if len(record) < len(pairs):
        keys = [key for key, _ in pairs]
        raise DuplicateKey(next(key for key in keys if keys.count(key) > 1))
    return record
