"""What an assertion is made of: a way to read its value, and a way to score an answer by it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.wording import is_number, shown


@dataclass(frozen=True, slots=True)
class Verdict:
    """`score` is from 0 to 1; `reason` says why in a few words, for right answers too."""

    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer with what it answers. `prompt` is what the model read, `expected` may be empty.

    `loss` is that of `expected`, in nats per token, where it was measured.
    """

    answer: str
    prompt: str = ""
    expected: str = ""
    loss: float | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What reading a value may depend on: the case's `expected`, the suite's folder, `allow_code`."""

    expected: str = ""
    folder: Path = Path()
    allow_code: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of assertion.

    `read(value, context)` gives the value as `score` takes it, in plain data that JSON can hold; it
    raises BrokenRule where the value cannot be used. `score(asked, value)` never raises.
    """

    read: Callable[[Any, Context], Any]
    score: Callable[[Asked, Any], Verdict]


def verdict(is_right: bool, right: str, wrong: str) -> Verdict:
    """All or nothing."""
    return Verdict(1.0, right) if is_right else Verdict(0.0, wrong)


def text(value: Any, context: Context) -> str:
    """A text that is not blank; the case's `expected` where no value is given."""
    given = context.expected if value is None else value
    if not isinstance(given, str):
        fix = "Put it in quotes" if isinstance(given, (int, float)) else 'Write `value: "..."`'
        raise BrokenRule(f"is {shown(given)}, must be text", fix)
    if not given.strip():
        raise missing() if value is None else BrokenRule("is empty", "Write the text that is meant")
    return given


def texts(value: Any, context: Context) -> list[str]:
    """A list of texts that are not blank."""
    if not isinstance(value, list) or not value:
        raise BrokenRule(f"is {shown(value)}, must be a list of texts", "Write `value: [one, two]`")
    read = []
    for index, each in enumerate(value):
        try:
            read.append(text(each if each is not None else "", context))
        except BrokenRule as broken:
            raise broken.under(index) from None
    return read


def nothing(value: Any, context: Context) -> None:
    """No value at all."""
    if value is not None:
        raise BrokenRule("has no meaning for this assertion", "Remove it", at_key=True)


def mapping(value: Any, known: tuple[str, ...]) -> dict[str, Any]:
    """A mapping with none but `known` keys."""
    if not isinstance(value, dict):
        example = ", ".join(f"{key}: ..." for key in known[:2])
        raise BrokenRule(f"is {shown(value)}, must be a mapping", f"Write `value: {{{example}}}`")
    unknown = next((key for key in value if key not in known), None)
    if unknown is not None:
        raise BrokenRule("is an unknown key", f"Known keys here: {', '.join(known)}", (unknown,), at_key=True)
    return value


def number_in(value: dict[str, Any], key: str, default: float, at_least: float = 0.0) -> float:
    """The number under `key`, or the default."""
    given = value.get(key, default)
    is_text_of_number = isinstance(given, str) and is_number(given)
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not at_least <= given < 1e12:
        fix = (
            f"Write {given} without quotes"
            if is_text_of_number
            else f"Write for example `{key}: {default:g}`"
        )
        raise BrokenRule(f"is {shown(given)}, must be a number of at least {at_least:g}", fix, (key,))
    return given


def missing() -> BrokenRule:
    return BrokenRule("is missing, and the case has no `expected`", "Add one of the two", at_key=True)
