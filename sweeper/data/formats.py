"""The formats of a training row, and how a row tells its own."""

from collections.abc import Callable, Mapping

from sweeper.data.chat_record import read_chat, read_messages
from sweeper.data.records import Record, text_at
from sweeper.data.rows import Chat, Row, Text, TrainingRow
from sweeper.errors import InputError
from sweeper.space.data_settings import FormatName
from sweeper.space.suggest import closest, did_you_mean

_KEYS: dict[str, FormatName] = {
    "instruction": "instruction",
    "output": "instruction",
    "messages": "chat",
    "conversations": "chat",
    "prompt": "prompt_completion",
    "completion": "prompt_completion",
    "text": "text",
}
"""Which format a key tells; the first key in this order that a row has decides."""

_SHAPES = "Write instruction and output, or messages, or prompt and completion, or text"


def format_of(record: Record) -> FormatName:
    """The format that the keys of `record` tell. Raises InputError where they tell none."""
    for key, name in _KEYS.items():
        if key in record.values:
            return name
    typo = next((key for key in record.values if closest(key, _KEYS, cutoff=0.75)), None)
    if typo is not None:
        fix = did_you_mean(typo, _KEYS, _SHAPES)
        raise InputError(record.place, f"no key tells what the row is, but there is {typo!r}", fix)
    keys = ", ".join(repr(key) for key in record.values) or "none"
    raise InputError(record.place, f"no key tells what the row is (keys there: {keys})", _SHAPES)


def _instruction(record: Record) -> Row:
    """Other keys are ignored beside the three; where input is left out they may be what holds it."""
    row = Row(
        instruction=text_at(record, "instruction"),
        input=text_at(record, "input", optional=True),
        output=text_at(record, "output"),
    )
    if "input" not in record.values and len(record.values) > 2:
        raise _no_input(record)
    _refuse_empty(record.place, "output", row.output)
    if not row.instruction.strip() and not row.input.strip():
        problem = "'instruction' and 'input' are both empty, one must say what is asked"
        raise InputError(record.place, problem, "Write one or remove the line")
    return row


def _no_input(record: Record) -> InputError:
    other = next(key for key in record.values if key not in ("instruction", "output"))
    ignore = 'Rename it to \'input\', or add "input": "" to have it ignored'
    problem = f"there is no 'input', and {other!r} is an unknown key"
    return InputError(record.place, problem, did_you_mean(other, ["input"], ignore))


def _refuse_empty(place: str, key: str, answer: str) -> None:
    if not answer.strip():
        problem = f"'{key}' is empty, must be the answer to learn"
        raise InputError(place, problem, "Write it or remove the line")


def _prompt_completion(record: Record) -> Row | Chat:
    """A prompt is a user turn and its completion the answer; both may be lists of messages instead."""
    if isinstance(record.values.get("prompt"), list):
        prompt, completion = read_messages(record, "prompt"), read_messages(record, "completion")
        if not any(message.role == "assistant" for message in completion):
            problem = "'completion' has no assistant turn to learn from"
            raise InputError(record.place, problem, "Add the answer or remove the row")
        return Chat((*prompt, *completion), learned_from=len(prompt))
    row = Row(text_at(record, "prompt"), "", text_at(record, "completion"))
    _refuse_empty(record.place, "completion", row.output)
    if not row.instruction.strip():
        problem = "'prompt' is empty, must say what is asked"
        raise InputError(record.place, problem, "Write it or remove the line")
    return row


def _text(record: Record) -> Text:
    text = text_at(record, "text")
    if not text.strip():
        raise InputError(record.place, "'text' is empty", "Write it or remove the line")
    return Text(text)


READERS: Mapping[FormatName, Callable[[Record], TrainingRow]] = {
    "instruction": _instruction,
    "chat": read_chat,
    "prompt_completion": _prompt_completion,
    "text": _text,
}
"""Each raises InputError with the record's place."""
