"""Training rows, whatever file they came from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """An instruction, what it is to be applied to (may be empty), and the wanted answer."""

    instruction: str
    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat. `role` is system, user or assistant, as Hugging Face's chat templates have it."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Chat:
    """Turns in order. Those of the assistant are learned, but for any before message `learned_from`."""

    messages: tuple[Message, ...]
    learned_from: int = 0


@dataclass(frozen=True, slots=True)
class Text:
    """Text as it is, without a template."""

    text: str


TrainingRow = Row | Chat | Text
