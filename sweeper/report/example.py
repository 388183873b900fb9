"""A training row as the model sees it, with the part that is trained made visible."""

import itertools
import unicodedata
from collections.abc import Iterable

from rich.text import Text

_OPEN, _CLOSE = "⟦", "⟧"
_VISIBLE = {"\n": "↵\n", "\t": "⇥\t", "\r": "␍"}


def example_text(pieces: Iterable[tuple[str, bool]], colour: bool) -> Text:
    """A row's tokens as one text; each piece is a token's text and whether it is trained.

    The trained part is green in colour, else it stands between ⟦ and ⟧. Special tokens stand as
    their text, line ends as ↵ before the line end; other control characters are escaped, so that a
    row cannot speak to the terminal.
    """
    text = Text()
    for is_trained, run in itertools.groupby(pieces, key=lambda piece: piece[1]):
        part = "".join(_visible(token) for token, _ in run)
        if not is_trained:
            text.append(part)
        elif colour:
            text.append(part, style="bold green")
        else:
            text.append(f"{_OPEN}{part}{_CLOSE}")
    return text


def printable(text: str) -> str:
    """`text` on one line, with whatever could speak to the terminal escaped."""
    return "".join(_escaped(sign) for sign in text)


def _visible(token: str) -> str:
    return "".join(_VISIBLE.get(sign) or _escaped(sign) for sign in token)


def _escaped(sign: str) -> str:
    """Signs of Unicode's C categories have no shape of their own, or steer the terminal."""
    is_control = unicodedata.category(sign).startswith("C")
    return sign.encode("unicode_escape").decode() if is_control else sign
