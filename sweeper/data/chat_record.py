"""Reads the turns of a chat: messages (OpenAI, Hugging Face) or conversations (ShareGPT)."""

from collections.abc import Mapping
from typing import Any

from sweeper.data.records import Record, kind_of, whole_text
from sweeper.data.rows import Chat, Message
from sweeper.errors import InputError
from sweeper.space.suggest import did_you_mean

_ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
}
"""ShareGPT's names and others', and what chat templates call them."""

_NOT_READ = ("tool_calls", "function_call", "tool_call_id", "reasoning_content", "thinking", "weight")
"""Keys of a message that change what is to be learned, and that are not read yet."""


def read_chat(record: Record) -> Chat:
    """A chat in which every turn of the assistant is learned. Raises InputError."""
    key = "messages" if "messages" in record.values else "conversations"
    _refuse_tools(record)
    messages = read_messages(record, key)
    if not any(message.role == "assistant" for message in messages):
        fix = "Add the assistant's answer or remove the row"
        raise InputError(record.place, f"'{key}' has no assistant turn to learn from", fix)
    return Chat(messages)


def read_messages(record: Record, key: str) -> tuple[Message, ...]:
    """The turns under `key`. Raises InputError, which names the turn by its index, from 0."""
    turns = record.values.get(key)
    if not isinstance(turns, list) or not turns:
        what = "empty" if turns == [] else kind_of(turns)
        fix = 'Write [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]'
        raise InputError(record.place, f"'{key}' is {what}, must be a list of messages", fix)
    return tuple(_message(record.place, f"{key}[{index}]", turn) for index, turn in enumerate(turns))


def _message(place: str, name: str, turn: Any) -> Message:
    if not isinstance(turn, dict):
        fix = 'Write {"role": "user", "content": "..."}'
        raise InputError(place, f"'{name}' is {kind_of(turn)}, must be an object", fix)
    ours = "role" in turn or "content" in turn
    role_key, content_key = ("role", "content") if ours else ("from", "value")
    _refuse_unread(place, name, turn)
    role = _role(place, f"{name}.{role_key}", turn.get(role_key))
    content = turn.get(content_key)
    if not isinstance(content, str):
        what = kind_of(content) if content_key in turn else "missing"
        raise InputError(place, f"'{name}.{content_key}' is {what}, must be text", "Write the turn's text")
    if role == "assistant" and not content.strip():
        problem = f"'{name}.{content_key}' is empty, must be the answer to learn"
        raise InputError(place, problem, "Write it or remove the row")
    return Message(role, whole_text(place, f"{name}.{content_key}", content))


def _role(place: str, name: str, role: Any) -> str:
    if isinstance(role, str) and role in _ROLES:
        return _ROLES[role]
    what = repr(role) if isinstance(role, str) else "missing" if role is None else kind_of(role)
    known = "Write system, user or assistant"
    fix = did_you_mean(role, ["system", "user", "assistant"], known) if isinstance(role, str) else known
    raise InputError(place, f"'{name}' is {what}, must be system, user or assistant", fix)


def _refuse_unread(place: str, name: str, turn: Mapping[str, Any]) -> None:
    key = next((key for key in _NOT_READ if turn.get(key) not in (None, "", [], {})), None)
    if key is not None:
        fix = "Remove it, or the row"
        raise InputError(place, f"'{name}.{key}' would change what is learned, and is not read", fix)


def _refuse_tools(record: Record) -> None:
    if record.values.get("tools"):
        fix = "Remove them, or the row"
        raise InputError(record.place, "'tools' would change what the model reads, and are not read", fix)
