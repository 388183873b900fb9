"""The prompts on which Ollama is held against the chat template."""

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import TemplateError

from sweeper.data.template import Template
from sweeper.errors import InputError
from sweeper.scoring.ask import case_messages
from sweeper.scoring.suite import Suite

_USER = 'Order  12345:\n\n 67 "two" {{ cups }} <b>it\'s</b> 茶, café?'
"""Digits after several blanks, quotes, braces and other scripts: where rules for splitting text part."""
_ANSWER = "Sorry! It is on its way."
_SYSTEM = "Answer in one line."


@dataclass(frozen=True, slots=True)
class Prompt:
    """`messages` as a client sends them to Ollama; `text` and `token_ids` as the model must read them."""

    name: str
    messages: tuple[dict[str, str], ...]
    text: str
    token_ids: tuple[int, ...]

    @property
    def one_turn(self) -> bool:
        """Whether it is a prompt of the kind that rows are trained on: no answer stands before."""
        return all(message["role"] != "assistant" for message in self.messages)


def case_prompts(template: Template, suite: Suite, system: str | None) -> list[Prompt]:
    """One prompt per case, in order. The system text is not sent: the model in Ollama adds it by itself.

    Raises InputError for a system text that the chat template does not take.
    """
    return [_prompt(template, case.id, case_messages(template, suite, case), system) for case in suite.cases]


def probe_prompts(template: Template, system: str | None) -> list[Prompt]:
    """What a client may also send: odd characters, several turns, a system text of its own.

    A probe that the chat template itself refuses (some take no system text) is left out.
    """
    user, answer = {"role": "user", "content": _USER}, {"role": "assistant", "content": _ANSWER}
    probes = [
        _prompt(template, "odd characters", [user], system),
        _prompt(template, "several turns", [user, answer, user], system),
    ]
    own_system = [{"role": "system", "content": _SYSTEM}, user]
    if _takes(template, own_system):
        probes.append(_prompt(template, "a client's own system text", own_system, None))
    return probes


def _prompt(template: Template, name: str, sent: Sequence[dict[str, str]], system: str | None) -> Prompt:
    has_own = sent[0]["role"] == "system"  # then neither Ollama nor we put the model's own before it
    read = [*([] if system is None or has_own else [{"role": "system", "content": system}]), *sent]
    if system is not None and not _takes(template, read):
        raise InputError("promote.system", "the model's chat template takes no system text", "Leave it out")
    text = template.render(read)
    return Prompt(name, tuple(sent), text, tuple(template.token_ids(text)))


def _takes(template: Template, messages: list[dict[str, str]]) -> bool:
    try:
        template.render(messages)
    except TemplateError:
        return False
    return True
