"""Whether an answer names the right one of several options."""

from typing import Any

import regex

from sweeper.scoring.assertions.kind import Asked, Context, Kind, Verdict, mapping, text, texts, verdict
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.suggest import did_you_mean
from sweeper.space.wording import shown


def read_choice(value: Any, context: Context) -> dict[str, Any]:
    """{options, answer}: two options or more, the answer one of them; `expected` where none is given."""
    given = mapping(value, ("options", "answer"))
    try:
        options = texts(given.get("options"), context)
    except BrokenRule as broken:
        raise broken.under("options") from None
    if len({option.strip().casefold() for option in options}) < max(len(options), 2):
        problem = f"is {shown(options)}, must be two options or more, none of them twice"
        raise BrokenRule(problem, "Write `options: [yes, no]`", ("options",))
    try:
        answer = text(given.get("answer"), context).strip()
    except BrokenRule as broken:
        raise broken.under("answer") from None
    if answer not in options:
        fix = did_you_mean(answer, options, "Write it as it stands among the options")
        raise BrokenRule(f"has the answer {shown(answer)}, which is none of its options", fix)
    return {"options": options, "answer": answer}


def choice(asked: Asked, value: dict[str, Any]) -> Verdict:
    """Right where the answer names the right option and no other.

    An option is named where it stands as a word of its own, in any letter case; a single letter must
    stand in its own case, so that "a" is not A. Where the whole answer is an option, that one is meant.
    """
    options, wanted, answer = value["options"], value["answer"], asked.answer.strip()
    named = [answer] if answer in options else _named(answer, options)
    if len(named) != 1:
        return Verdict(0.0, f"names {', '.join(map(shown, named[:4]))}" if named else "names no option")
    return verdict(
        named[0] == wanted, f"names {shown(wanted)}", f"names {shown(named[0])}, not {shown(wanted)}"
    )


def _named(answer: str, options: list[str]) -> list[str]:
    """The options that stand in the answer, in the options' order. Longer ones are looked for first,
    so that one that holds another is not taken for both."""
    found = set()
    for option in sorted(options, key=len, reverse=True):
        flags = regex.IGNORECASE if len(option) > 1 else 0
        pattern = regex.compile(rf"(?<!\w){regex.escape(option)}(?!\w)", flags)
        answer, count = pattern.subn("\0", answer)
        if count:
            found.add(option)
    return [option for option in options if option in found]


KINDS = {"choice": Kind(read_choice, choice)}
