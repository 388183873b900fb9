"""How errors write keys, values and counts."""

import re
from typing import Any

KeyPath = tuple[str | int, ...]
"""Keys and list indices from the root of a file down to a value."""


def dotted(key_path: KeyPath) -> str:
    """search.trials, cases[2].expected; "the file" for its root."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{_plain(key)}" for key in key_path)
    return text.removeprefix(".") or "the file"


def shown(value: Any) -> str:
    """A value as an error shows it: on one line, short, texts in quotes."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list" if value else "an empty list"
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]}...'"


def count(number: int, one: str, many: str | None = None) -> str:
    """1 entry, 2 entries."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def is_number(text: str) -> bool:
    """Whether a text reads as a finite number, as "1e-4" in quotes does."""
    return re.fullmatch(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*", text) is not None


def _plain(key: str) -> str:
    return key if key.isprintable() else repr(key)
