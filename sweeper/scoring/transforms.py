"""What an answer can go through before an assertion looks at it."""

import re
from collections.abc import Callable, Mapping

_END_MARKS = ".!?\u3002\uff01\uff1f"
_QUOTES = "\"'`\u2018\u2019\u201c\u201d "
_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)


def first_line(text: str) -> str:
    """The first line that is not blank."""
    return next((line for line in text.splitlines() if line.strip()), "")


def last_line(text: str) -> str:
    """The last line that is not blank."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")


def code_block(text: str) -> str:
    """What stands in the first ``` block; the whole text where there is none."""
    found = _FENCE.search(text)
    return found[1] if found else text


def json_block(text: str) -> str:
    """From the first { or [ to the last } or ], of the first ``` block if there is one."""
    inner = code_block(text)
    start = min((place for sign in "{[" if (place := inner.find(sign)) >= 0), default=0)
    end = max(inner.rfind("}"), inner.rfind("]")) + 1
    return inner[start:end] if end > start else inner


def without_end_mark(text: str) -> str:
    """Without the full stop or other mark at its end, and without quotes around it."""
    return text.strip().rstrip(_END_MARKS).strip(_QUOTES)


TRANSFORMS: Mapping[str, Callable[[str], str]] = {
    "strip": str.strip,
    "lowercase": str.lower,
    "first-line": first_line,
    "last-line": last_line,
    "code-block": code_block,
    "json-block": json_block,
    "without-end-mark": without_end_mark,
    "one-line": lambda text: " ".join(text.split()),
}
