"""From a row to the pieces of text that a model reads, each trained or not.

The chat template decides the text. Where an answer begins is told by rendering what stands before it
with a generation prompt, which is what the model is given when it answers by itself; where it ends, by
the template's end of turn. So no mark of the template has to be known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.data.rows import Chat, Message, Row, Text, TrainingRow
from sweeper.data.template import Template
from sweeper.space.data_settings import TrainOn


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that is tokenised by itself, as the model's own answers are."""

    text: str
    trained: bool


def pieces_of(row: TrainingRow, template: Template, train_on: TrainOn) -> list[list[Piece]]:
    """The pieces of one row: one list, or one for each answer where the template needs it.

    It does where it changes earlier turns once others follow (it drops their thinking, or their end of
    turn): then each answer stands behind its own prompt, as it would be asked for.
    Raises jinja2.TemplateError where the template refuses the messages.
    """
    if isinstance(row, Text):
        return [[Piece(row.text, True)]]
    chat = row if isinstance(row, Chat) else _as_chat(row, template)
    messages = [{"role": message.role, "content": message.content} for message in chat.messages]
    if train_on == "all":
        return [[Piece(template.render(messages, generation=False), True)]]
    answers = [at for at, turn in enumerate(chat.messages) if turn.role == "assistant"]
    learned = [at for at in answers if at >= chat.learned_from]
    prompts = [template.render(messages[:at]) for at in learned]
    whole = template.render(messages[: learned[-1] + 1], generation=False)
    contents = [messages[at]["content"] for at in learned]
    together = _along(whole, prompts, contents, template.end)
    return [together] if together else _apart(prompts, contents, template.end)


def _as_chat(row: Row, template: Template) -> Chat:
    asked = [Message(**message) for message in template.messages(row.instruction, row.input)]
    return Chat((*asked, Message("assistant", row.output)))


def _along(whole: str, prompts: Sequence[str], contents: Sequence[str], end: str) -> list[Piece] | None:
    """`whole` cut where each answer begins and ends; None where the prompts do not lie along it."""
    pieces, at = [], 0
    for prompt, content in zip(prompts, contents, strict=True):
        if not whole.startswith(prompt) or len(prompt) < at:
            return None
        answer_end = _answer_end(whole, len(prompt), content, end)
        if answer_end is None:
            return None
        pieces += [Piece(whole[at : len(prompt)], False), Piece(whole[len(prompt) : answer_end], True)]
        at = answer_end
    return pieces


def _answer_end(whole: str, start: int, content: str, end: str) -> int | None:
    """Where the end of turn behind `content` ends. White space around it is the template's to choose."""
    at = _past_space(whole, start)
    stripped = content.strip()
    if not whole.startswith(stripped, at):
        return None
    at = _past_space(whole, at + len(stripped))
    return at + len(end) if whole.startswith(end, at) else None


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _apart(prompts: Sequence[str], contents: Sequence[str], end: str) -> list[list[Piece]]:
    return [
        [Piece(prompt, False), Piece(content + end, True)]
        for prompt, content in zip(prompts, contents, strict=True)
    ]
