"""One row as its file holds it, with the place to name when something is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.errors import InputError
from sweeper.space.suggest import closest

_KINDS = {
    type(None): "null",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True, slots=True)
class Record:
    """`place` is what an error begins with; `number` is the line (from 1) or the row (from 0)."""

    place: str
    number: int
    values: Mapping[str, Any]


def text_at(record: Record, key: str, optional: bool = False) -> str:
    """The text under `key`; "" where it is missing and `optional`. Raises InputError otherwise."""
    place, value = record.place, record.values.get(key, "" if optional else None)
    if isinstance(value, str):
        return whole_text(place, key, value)
    if key in record.values:
        raise InputError(place, f"'{key}' is {kind_of(value)}, must be text", "Put it in double quotes")
    typo = next((other for other in record.values if closest(other, [key])), None)
    if typo:
        raise InputError(place, f"'{key}' is missing, but there is {typo!r}", f"Did you mean '{key}'?")
    keys = ", ".join(repr(other) for other in record.values) or "none"
    raise InputError(place, f"'{key}' is missing (keys there: {keys})", f'Add it: {{"{key}": "..."}}')


def whole_text(place: str, name: str, text: str) -> str:
    """`text`, which JSON's escapes may have given half of a character: no tokenizer takes that."""
    if text.isascii():
        return text
    half = next((sign for sign in text if "\ud800" <= sign <= "\udfff"), None)
    if half is None:
        return text
    problem = f"'{name}' holds \\u{ord(half):x}, half of a character"
    raise InputError(place, problem, "Write the character itself, or both halves")


def kind_of(value: object) -> str:
    """What a value is, in the words of someone who writes JSON."""
    return _KINDS.get(type(value), f"a {type(value).__name__}")
