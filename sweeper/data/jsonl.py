"""Reads JSON Lines: one JSON object per line, in UTF-8."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sweeper.errors import InputError
from sweeper.space.suggest import closest
from sweeper.space.text_file import read_text

_KINDS = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


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
    value = record.get(key, "" if optional else None)
    if isinstance(value, str):
        return value
    place = f"{path}:{number}"
    if key in record:
        raise InputError(place, f"'{key}' is {_kind(value)}, must be text", "Put it in double quotes")
    typo = next((other for other in record if closest(other, [key])), None)
    if typo:
        raise InputError(place, f"'{key}' is missing, but there is {typo!r}", f"Did you mean '{key}'?")
    keys = ", ".join(repr(other) for other in record) or "none"
    raise InputError(place, f"'{key}' is missing (keys there: {keys})", f'Add it: {{"{key}": "..."}}')


def _object(path: Path, number: int, line: str, is_first: bool) -> dict[str, Any]:
    try:
        value = json.loads(line, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        raise _not_json(path, number, line, is_first, error) from None
    except _DuplicateKey as error:
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
        f"{path}:{number}", f"this line is {_kind(value)}, must be an object", "Write {...} on each line"
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


class _DuplicateKey(ValueError):
    """The key that an object holds twice."""


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _DuplicateKey(next(key for key in keys if keys.count(key) > 1))
    return record


def _kind(value: object) -> str:
    return "null" if value is None else _KINDS[type(value)]
