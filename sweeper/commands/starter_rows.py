"""A user's rows as `sweep init` writes them: to train on, and as cases that ask for their answers. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.data.rows import Chat, Message, Row, Text, TrainingRow
from sweeper.space.data_settings import FormatName

_JINJA_OPENS = ("{{", "{%", "{#")


@dataclass(frozen=True, slots=True)
class StarterRow:
    """One row. `record` is how it is written to be trained; `case` asks for `answer`, None where nothing can.

    Rows of equal `asks` ask the same, so they must not be parted. `characters` are of all its text.
    """

    record: Mapping[str, Any]
    case: Mapping[str, Any] | None
    asks: tuple[object, ...]
    answer: str
    characters: int


def starter_row(row: TrainingRow, format: FormatName) -> StarterRow:
    """Of a chat the first answer that is learned is asked for, of a text its second half."""
    match row:
        case Row():
            return _of_row(row, format)
        case Chat():
            return _of_chat(row, format)
        case Text():
            return _of_text(row)


def _of_row(row: Row, format: FormatName) -> StarterRow:
    record = {"instruction": row.instruction, "input": row.input, "output": row.output}
    case = record
    if format == "prompt_completion":
        record = {"prompt": row.instruction, "completion": row.output}
        case = {"instruction": row.instruction, "expected": row.output}
    length = len(row.instruction) + len(row.input) + len(row.output)
    return StarterRow(record, case, (row.instruction, row.input), row.output, length)


def _of_chat(chat: Chat, format: FormatName) -> StarterRow:
    """A chat whose answer follows no turn of the user's is trained and not asked.

    The first answer, for later questions ("And then?") say little by themselves. Chats that begin the
    same ask the same: the one may hold what is asked in the other.
    """
    turns = chat.messages
    first = next(at for at, turn in enumerate(turns) if turn.role == "assistant" and at >= chat.learned_from)
    asked, answer = turns[:first], turns[first].content
    can_be_asked = (
        bool(asked)
        and asked[-1].role == "user"
        and all(turn.content.strip() for turn in asked)
        and not any(turn.role == "system" for turn in asked[1:])
    )
    case = {"messages": _plain([_quoted(turn) for turn in asked]), "expected": answer}
    record = {"messages": _plain(turns)}
    if format == "prompt_completion":
        prompt, completion = turns[: chat.learned_from], turns[chat.learned_from :]
        record = {"prompt": _plain(prompt), "completion": _plain(completion)}
    length = sum(len(turn.content) for turn in turns)
    begins = next((at for at, turn in enumerate(asked) if turn.role == "user"), first)
    return StarterRow(record, case if can_be_asked else None, turns[: begins + 1], answer, length)


def _of_text(row: Text) -> StarterRow:
    """Cut at the white space that is nearest to the middle; a text of one word is trained and not asked."""
    text = row.text.strip()
    middle = len(text) // 2
    spaces = (at for at, sign in enumerate(text) if sign.isspace())
    cut = min(spaces, key=lambda at: abs(at - middle), default=0)
    case = {"instruction": text[:cut], "expected": text[cut:].strip()} if cut else None
    return StarterRow({"text": row.text}, case, (row.text,), text[cut:].strip(), len(row.text))


def _plain(turns: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in turns]


def _quoted(turn: Message) -> Message:
    """Messages of cases are templates: braces that are plain text in a row are marked as such."""
    if not any(sign in turn.content for sign in _JINJA_OPENS):
        return turn
    return Message(turn.role, "{% raw %}" + turn.content + "{% endraw %}")
