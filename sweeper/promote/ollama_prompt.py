"""Makes Ollama feed the prompt that the model was trained on.

Ollama renders a .gguf's own chat template (Jinja, since 0.30) unless that is similar to one it knows;
then its own Go template takes the place, and the two may differ: SmolLM2's default system text goes
missing. So the file's template is made unlike any other by a comment. Where that is not enough, a Go
template is derived from what the chat template writes around messages. Which one serves is decided by
what the server renders. Ollama before 0.30 reads no Jinja at all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from sweeper.data.template import Template
from sweeper.errors import ProofError
from sweeper.promote.difference import describe_difference
from sweeper.promote.prompts import Prompt
from sweeper.promote.proofs import prove_token_counts, same_prompt
from sweeper.serving.ollama import OllamaClient

GUARD = (
    "{# Kept as it is: this line is here so that Ollama takes it for no other template. " + "`" * 120 + " #}"
)
"""Ollama takes a template for one that it knows where fewer than 100 edits lead from the one to the other.
None of those has more than three backticks, so nearly each of these costs an edit."""


@dataclass(frozen=True, slots=True)
class PromptOption:
    """A way to have Ollama render prompts; `go_template` None leaves it to the file's own template."""

    name: str
    go_template: str | None


_FRONTS = ("opening", "system_start")
"""What may stand at the very front of a prompt."""

OWN_TEMPLATE = PromptOption("the file's own chat template", None)


def guard_chat_template(folder: Path) -> None:
    """Puts GUARD in front of the chat template of a model folder that is about to be converted."""
    path = folder / "chat_template.jinja"
    path.write_text(GUARD + path.read_text(encoding="utf-8"), encoding="utf-8")


def prompt_options(template: Template, adds_bos: bool) -> list[PromptOption]:
    """The ways to try, best first. `adds_bos`: llama.cpp puts the begin token in front by itself."""
    derived = derive_go_template(template, without=template.tokenizer.bos_token if adds_bos else None)
    return [OWN_TEMPLATE, *([] if derived is None else [PromptOption("a derived Go template", derived)])]


def choose_prompt(
    client: OllamaClient,
    model: str,
    options: Sequence[PromptOption],
    prompts: Sequence[Prompt],
    bos: str | None,
    parameters: Mapping[str, Any],
) -> PromptOption:
    """Sets the first option on `model` with which the server feeds every prompt as wanted.

    Judged by the text that the server renders; where it does not show that, by the number of tokens of
    the prompts of one turn. Raises ProofError, with the first option's first difference, where none does.
    """
    differences = []
    for option in options:
        if option.go_template is not None:
            client.create(model, from_model=model, template=option.go_template, parameters=parameters)
        difference = _first_difference(client, model, prompts, bos)
        if difference is None:
            return option
        differences.append(f"with {option.name}, {difference}")
    raise ProofError(f"Ollama does not feed the prompt that the model was trained on: {differences[0]}")


def _first_difference(
    client: OllamaClient, model: str, prompts: Sequence[Prompt], bos: str | None
) -> str | None:
    for prompt in prompts:
        rendered = client.render(model, prompt.messages)
        if rendered is None:
            return _first_other_count(client, model, prompts)
        if not same_prompt(rendered, prompt, bos):
            return f"{prompt.name}: {describe_difference(rendered, prompt.text)}"
    return None


def _first_other_count(client: OllamaClient, model: str, prompts: Sequence[Prompt]) -> str | None:
    answers = [client.chat(model, prompt.messages, {"num_predict": 1}) for prompt in prompts]
    counts = prove_token_counts(prompts, answers)
    return None if counts.passed else counts.detail


def derive_go_template(template: Template, without: str | None = None) -> str | None:
    """A Go template that writes the same around each role's content, or None where there is no such rule.

    Found by rendering marked messages. `without` is left out at the very front. Not covered: tools,
    contents that the chat template trims or changes, and turns that depend on more than their role.
    """
    try:
        parts = _probe(template)
    except (TemplateError, ValueError):
        return None
    if without:
        parts = {key: text.removeprefix(without) if key in _FRONTS else text for key, text in parts.items()}
    literal = {key: _go_literal(text) for key, text in parts.items()}
    turns = "{{ else ".join(
        f'if eq .Role "{role}" }}}}{literal[role + "_start"]}{{{{ .Content }}}}{literal[role + "_end"]}'
        for role in ("system", "user", "assistant")
        if role + "_end" in literal
    )
    opening = f"{{{{ if not .System }}}}{literal['opening']}{{{{ end }}}}"
    return f"{opening}{{{{ range .Messages }}}}{{{{ {turns}{{{{ end }}}}{{{{ end }}}}{literal['answer']}"


def _probe(template: Template) -> dict[str, str]:
    """What the chat template writes before and after each role's content, at the opening (with no
    system text) and for an answer to begin. Raises ValueError where it follows no such rule."""
    asked, answered, again = _turn("user", "one"), _turn("assistant", "two"), _turn("user", "three")
    head, user_end = _around(template, [asked])
    _, _, assistant_end = _around(template, [asked, answered])
    head_again, to_answer, to_user, tail = _around(template, [asked, answered, again])
    if (head, user_end) != (head_again, tail):
        raise ValueError("a turn depends on where it stands")
    parts = {
        "user_end": user_end,
        "assistant_end": assistant_end,
        "assistant_start": _without_start(to_answer, user_end),
        "user_start": _without_start(to_user, assistant_end),
        "answer": _without_start(template.render([asked]), template.render([asked], generation=False)),
    }
    parts["opening"] = _without_end(head, parts["user_start"])
    return {**parts, **_probe_system(template, asked, parts["user_start"])}


def _probe_system(template: Template, asked: dict[str, str], user_start: str) -> dict[str, str]:
    """The same for a system text; nothing where the template takes none as a turn of its own."""
    try:
        start, to_user, _ = _around(template, [_turn("system", "zero"), asked])
        return {"system_start": start, "system_end": _without_end(to_user, user_start)}
    except (TemplateError, ValueError):
        return {}


def _turn(role: str, mark: str) -> dict[str, str]:
    return {"role": role, "content": f"mark-{mark}-mark"}


def _around(template: Template, messages: list[dict[str, str]]) -> list[str]:
    """The rendered text, cut at the messages' contents, which must stand in it once and in order."""
    rest, pieces = template.render(messages, generation=False), []
    for message in messages:
        piece, found, rest = rest.partition(message["content"])
        if not found:
            raise ValueError("a content is not written as it is")
        pieces.append(piece)
    return [*pieces, rest]


def _without_start(text: str, start: str) -> str:
    if not text.startswith(start):
        raise ValueError("a turn depends on what follows it")
    return text[len(start) :]


def _without_end(text: str, end: str) -> str:
    if not text.endswith(end):
        raise ValueError("a turn depends on what precedes it")
    return text[: len(text) - len(end)]


def _go_literal(text: str) -> str:
    """A Go action that writes `text`; JSON's escapes are Go's where non-ASCII text is left alone."""
    return "{{ " + json.dumps(text, ensure_ascii=False) + " }}" if text else ""
