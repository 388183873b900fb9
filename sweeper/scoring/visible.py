"""Texts of models and users, made safe to show: whatever they hold, they cannot steer what shows them."""

import unicodedata

_KEPT = "\n\t\u200c\u200d"
"""Line ends and tabs; the joiners that Persian, Indic scripts and emoji are written with."""


def visible(text: str) -> str:
    """Control characters, marks that turn the writing direction, and what is no character, as escapes.

    All letters of all scripts stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(_visible(sign) for sign in text)


def one_line(text: str, longest: int) -> str:
    """The same on one line, cut to `longest` characters."""
    line = visible(text.replace("\n", "\u21b5").replace("\t", " "))
    return line if len(line) <= longest else line[: longest - 1] + "\u2026"


def _visible(sign: str) -> str:
    is_safe = sign in _KEPT or unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")
    return sign if is_safe else sign.encode("unicode_escape").decode("ascii")
