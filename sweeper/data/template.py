"""From an instruction to the text a model reads, by the model's own chat template.

A model without a template gets one of Instruction/Input/Output lines, set on its tokenizer. It is
then saved with the model like any other, so training, scoring and Ollama read the same text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, TemplateSyntaxError

from sweeper.errors import InputError
from sweeper.space.data_settings import DataSettings
from sweeper.space.text_file import read_text

LINES_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}"
    "{% elif message['role'] == 'user' %}{{ 'Instruction:\\n' + message['content'] + '\\n\\n' }}"
    "{% else %}{{ 'Output:\\n' + message['content'] + eos_token + '\\n\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Output:\\n' }}{% endif %}"
)
"""Jinja, as transformers and llama.cpp read it."""

_LINE_END = "\n"


@dataclass(frozen=True, slots=True)
class Template:
    """Renders prompts for one tokenizer. Make it with `template_of`."""

    tokenizer: Any
    has_own: bool
    end: str
    """What closes an answer and is trained: the template's own end of turn, else the end token."""
    marks_start: bool = False
    """Whether the tokenizer puts a mark before a text's first word (SentencePiece's dummy prefix)."""

    def messages(self, instruction: str, text: str, system: str | None = None) -> list[dict[str, str]]:
        """One user turn; `text` is the row's input."""
        between = "\n\n" if self.has_own else "\n\nInput:\n"
        content = instruction + between + text if text else instruction
        head = [{"role": "system", "content": system}] if system is not None else []
        return [*head, {"role": "user", "content": content}]

    def render(self, messages: list[dict[str, str]], generation: bool = True) -> str:
        """The template's text for `messages`, ready for an answer to follow if `generation`."""
        return str(
            self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation)
        )

    def prompt(self, instruction: str, text: str) -> str:
        """What the model reads before it answers a row."""
        return self.render(self.messages(instruction, text))

    def token_ids(self, text: str) -> list[int]:
        """Token ids of rendered text: nothing added, for the template has said all."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def piece_ids(self, pieces: Sequence[tuple[str, bool]]) -> list[list[int]]:
        """Token ids of pieces of text, each tokenised by itself; True where a piece goes on from another.

        A piece that goes on must not begin as a text does. Where the tokenizer marks a text's beginning
        it is tokenised behind a line end, which is then taken off.
        """
        if not pieces:
            return []
        front = _LINE_END if self.marks_start else ""
        texts = [front + text if goes_on else text for text, goes_on in pieces]
        ids: list[list[int]] = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        if not front:
            return ids
        front_ids = self.token_ids(front)
        return [
            self._without(front_ids, text, found) if goes_on else found
            for (text, goes_on), found in zip(pieces, ids, strict=True)
        ]

    def _without(self, front: list[int], text: str, ids: list[int]) -> list[int]:
        return ids[len(front) :] if ids[: len(front)] == front else self.token_ids(text)


def template_of(tokenizer: Any, custom: str | None = None) -> Template:
    """The template of `tokenizer`, which gets `custom`, or LINES_TEMPLATE if it has none of its own.

    Raises InputError for a custom template that leaves out what the user says.
    """
    if custom is not None:
        tokenizer.chat_template = custom
        _refuse_deaf(tokenizer)
    has_own = bool(tokenizer.chat_template) and tokenizer.chat_template != LINES_TEMPLATE
    if not has_own:
        tokenizer.chat_template = LINES_TEMPLATE
    return Template(tokenizer, has_own, _end_of_turn(tokenizer), _marks_start(tokenizer))


def custom_template(settings: DataSettings) -> str | None:
    """The text of the chat template that the space names, or None. Raises InputError."""
    return None if settings.template is None else read_chat_template(settings.template)


def read_chat_template(path: Path) -> str:
    """The text of a Jinja chat template. Raises InputError with file:line where Jinja cannot read it.

    transformers' own tag `generation` is taken; what the template asks of its values shows when a row
    is rendered.
    """
    text = read_text(path)
    if not text.strip():
        raise InputError(str(path), "the chat template is empty", "Write a Jinja template into it")
    plain = re.sub(r"\{%[-+]?\s*(end)?generation\s*[-+]?%\}", "", text)
    try:
        Environment(extensions=["jinja2.ext.loopcontrols"]).parse(plain)
    except TemplateSyntaxError as error:
        reason = str(error.message).rstrip(".")
        raise InputError(
            f"{path}:{error.lineno}", f"this is no Jinja template ({reason})", "Correct it"
        ) from None
    return text


def _refuse_deaf(tokenizer: Any) -> None:
    asked = "a question to be seen"
    message = [{"role": "user", "content": asked}]
    if asked not in tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True):
        problem = "the chat template leaves out what the user says"
        raise InputError("data.template", problem, "Write {{ message['content'] }} where it belongs")


def _end_of_turn(tokenizer: Any) -> str:
    """The special token that the template writes after an answer (Gemma's differs from its eos_token)."""
    user, answer = {"role": "user", "content": "question"}, "answer"
    rendered = tokenizer.apply_chat_template([user, {"role": "assistant", "content": answer}], tokenize=False)
    tail = rendered.rpartition(answer)[2].lstrip()
    ids = tokenizer(tail, add_special_tokens=False)["input_ids"] if tail else []
    if ids and _is_special(tokenizer, ids[0]):
        return str(tokenizer.convert_ids_to_tokens(ids[0]))
    return str(tokenizer.eos_token)


def _marks_start(tokenizer: Any) -> bool:
    """Whether a word has other ids at a text's beginning than behind a line end."""
    alone, front, behind = tokenizer(["answer", _LINE_END, _LINE_END + "answer"], add_special_tokens=False)[
        "input_ids"
    ]
    return bool(behind[: len(front)] == front and behind[len(front) :] != alone)


def _is_special(tokenizer: Any, token_id: int) -> bool:
    """Phi-3's <|end|> is marked special, and none of the tokens that have a name."""
    added = tokenizer.added_tokens_decoder.get(token_id)
    return token_id in tokenizer.all_special_ids or (added is not None and added.special)
