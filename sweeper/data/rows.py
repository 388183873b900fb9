"""Training rows as they stand in the user's file, and how they are read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.data.jsonl import read_jsonl_objects, text_field
from sweeper.errors import InputError
from sweeper.space.suggest import did_you_mean

_OTHER_FORMATS = {
    "messages": "chat messages",
    "conversations": "ShareGPT conversations",
    "prompt": "prompt and completion",
    "completion": "prompt and completion",
    "text": "plain text",
}
"""A key that tells a format which is not read yet."""


@dataclass(frozen=True, slots=True)
class Row:
    """An instruction, what it is to be applied to (may be empty), and the wanted answer."""

    instruction: str
    input: str
    output: str


def read_rows(path: Path) -> tuple[Row, ...]:
    """Rows from JSON Lines of instruction, input (may be left out) and output.

    Other keys are ignored beside these three; where input is left out they may be what holds it.
    Raises InputError with file:line for such a key, where a key is missing or no text, where output
    is empty, and where instruction and input both are.
    """
    return tuple(_row(path, number, record) for number, record in read_jsonl_objects(path))


def _row(path: Path, number: int, record: dict[str, Any]) -> Row:
    _refuse_other_formats(path, number, record)
    row = Row(
        instruction=text_field(path, number, record, "instruction"),
        input=text_field(path, number, record, "input", optional=True),
        output=text_field(path, number, record, "output"),
    )
    if "input" not in record and len(record) > 2:
        raise _no_input(path, number, record)
    if not row.output.strip():
        raise InputError(
            f"{path}:{number}",
            "'output' is empty, must be the answer to learn",
            "Write it or remove the line",
        )
    if not row.instruction.strip() and not row.input.strip():
        problem = "'instruction' and 'input' are both empty, one must say what is asked"
        raise InputError(f"{path}:{number}", problem, "Write one or remove the line")
    return row


def _no_input(path: Path, number: int, record: dict[str, Any]) -> InputError:
    other = next(key for key in record if key not in ("instruction", "output"))
    ignore = 'Rename it to \'input\', or add "input": "" to have it ignored'
    problem = f"there is no 'input', and {other!r} is an unknown key"
    return InputError(f"{path}:{number}", problem, did_you_mean(other, ["input"], ignore))


def _refuse_other_formats(path: Path, number: int, record: dict[str, Any]) -> None:
    if "instruction" in record or "output" in record:
        return
    other = next((key for key in _OTHER_FORMATS if key in record), None)
    if other:
        problem = f"the key '{other}' tells rows of {_OTHER_FORMATS[other]}, which are not supported yet"
        raise InputError(f"{path}:{number}", problem, "Write instruction, input and output on each line")
