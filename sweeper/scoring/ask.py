"""From a case to what the model reads."""

from typing import Protocol

from jinja2 import TemplateError

from sweeper.data.template import Template
from sweeper.errors import InputError
from sweeper.scoring.suite import Case, Suite


class Turns(Protocol):
    """What joins instruction and input to one user turn: a Template, or what stands in for a server's."""

    def messages(self, instruction: str, text: str, system: str | None = None) -> list[dict[str, str]]:
        """The turns, the system text first if there is one."""


def case_messages(template: Turns, suite: Suite, case: Case) -> list[dict[str, str]]:
    """The chat that `case` is asked as, with the suite's system text before it if it has none itself."""
    if not case.messages:
        return template.messages(case.instruction, case.input, suite.system)
    turns = [{"role": turn.role, "content": turn.content} for turn in case.messages]
    if suite.system is not None and turns[0]["role"] != "system":
        return [{"role": "system", "content": suite.system}, *turns]
    return turns


def render_prompts(template: Template, suite: Suite) -> list[str]:
    """What the model reads for each case, in their order.

    Raises InputError for messages that the chat template does not take: some take no system text.
    """
    prompts = []
    for case in suite.cases:
        messages = case_messages(template, suite, case)
        try:
            prompts.append(template.render(messages))
        except TemplateError as error:
            roles = ", ".join(message["role"] for message in messages)
            raise InputError(
                f"{suite.path}: case '{case.id}'",
                f"the model's chat template does not take its messages ({roles}): {error}",
                "Leave the system text out" if messages[0]["role"] == "system" else "Change their order",
            ) from None
    return prompts
