"""Training rows are read whole, or refused with the line that is wrong."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from sweeper.data.load_rows import read_row_set, read_rows
from sweeper.data.rows import Chat, Message, Row, Text, TrainingRow
from sweeper.errors import InputError
from sweeper.space.data_settings import RowFile

GOOD = {"instruction": "Add.", "input": "1 2", "output": "3"}


def rows(folder: Path, *records: dict[str, Any]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_rows_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = rows(tmp_path, GOOD, {"instruction": "Greet.", "output": " Hi\n"}, {**GOOD, "id": 7})
    assert read_rows(path) == (Row("Add.", "1 2", "3"), Row("Greet.", "", " Hi\n"), Row("Add.", "1 2", "3"))


def test_an_input_may_stand_without_an_instruction(tmp_path: Path) -> None:
    assert read_rows(rows(tmp_path, {**GOOD, "instruction": ""})) == (Row("", "1 2", "3"),)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            {"instruction": "a", "ouput": "b"},
            "'output' is missing, but there is 'ouput'. Did you mean 'output'?",
        ),
        (
            {"instruction": "a", "imput": "b", "output": "c"},
            "there is no 'input', and 'imput' is an unknown key. Did you mean 'input'?",
        ),
        (
            {"instruction": "a", "context": "b", "output": "c"},
            "there is no 'input', and 'context' is an unknown key."
            ' Rename it to \'input\', or add "input": "" to have it ignored.',
        ),
        (
            {**GOOD, "output": " \n"},
            "'output' is empty, must be the answer to learn. Write it or remove the line.",
        ),
        ({**GOOD, "output": 3}, "'output' is a number, must be text. Put it in double quotes."),
        ({**GOOD, "input": ["1"]}, "'input' is a list, must be text. Put it in double quotes."),
        (
            {"instruction": " ", "input": "", "output": "x"},
            "'instruction' and 'input' are both empty, one must say what is asked."
            " Write one or remove the line.",
        ),
        (
            {"messages": []},
            "this row is of the format chat, and those before it are of instruction."
            " Keep one format in a source.",
        ),
    ],
)
def test_a_bad_row_is_told_with_its_line(tmp_path: Path, record: dict[str, Any], message: str) -> None:
    path = rows(tmp_path, GOOD, record)
    with pytest.raises(InputError) as caught:
        read_rows(path)
    assert str(caught.value) == f"{path}:2: {message}"


USER = {"role": "user", "content": "2 and 2?"}
ANSWER = {"role": "assistant", "content": "4"}


@pytest.mark.parametrize(
    ("record", "row"),
    [
        ({"messages": [USER, ANSWER]}, Chat((Message("user", "2 and 2?"), Message("assistant", "4")))),
        (
            {"conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "u"},
                               {"from": "gpt", "value": "a"}]},
            Chat((Message("system", "s"), Message("user", "u"), Message("assistant", "a"))),
        ),
        ({"prompt": "2 and 2?", "completion": "4"}, Row("2 and 2?", "", "4")),
        (
            {"prompt": [USER, ANSWER, USER], "completion": [ANSWER]},
            Chat((Message("user", "2 and 2?"), Message("assistant", "4")) * 2, learned_from=3),
        ),
        ({"text": "Once.\n"}, Text("Once.\n")),
        ({"text": "ignored", "id": 4, "messages": [USER, ANSWER]},
         Chat((Message("user", "2 and 2?"), Message("assistant", "4")))),
        ({"text": "an Alpaca file's own rendering", **GOOD}, Row("Add.", "1 2", "3")),
        ({"messages": [{**USER, "tool_calls": None}, {**ANSWER, "id": "x"}], "tools": []},
         Chat((Message("user", "2 and 2?"), Message("assistant", "4")))),
    ],
)  # fmt: skip
def test_a_rows_keys_tell_its_format(tmp_path: Path, record: dict[str, Any], row: TrainingRow) -> None:
    assert read_rows(rows(tmp_path, record)) == (row,)


def test_a_format_that_is_said_is_not_looked_for(tmp_path: Path) -> None:
    path = rows(tmp_path, {**GOOD, "text": "plain"})
    assert read_row_set(RowFile(path), "text").rows == (Text("plain"),)
    assert read_row_set(RowFile(path)).format == "instruction"


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"question": "a", "answer": "b"},
         "no key tells what the row is (keys there: 'question', 'answer'). Write instruction and output,"
         " or messages, or prompt and completion, or text."),
        ({"mesages": []}, "no key tells what the row is, but there is 'mesages'. Did you mean 'messages'?"),
        ({"messages": []},
         "'messages' is empty, must be a list of messages."
         ' Write [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}].'),
        ({"messages": "[]"},
         "'messages' is text, must be a list of messages."
         ' Write [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}].'),
        ({"messages": [USER]},
         "'messages' has no assistant turn to learn from. Add the assistant's answer or remove the row."),
        ({"messages": [USER, 4]},
         "'messages[1]' is a number, must be an object. Write {\"role\": \"user\", \"content\": \"...\"}."),
        ({"messages": [USER, {"role": "asistant", "content": "x"}]},
         "'messages[1].role' is 'asistant', must be system, user or assistant. Did you mean 'assistant'?"),
        ({"conversations": [{"from": "tool", "value": "x"}]},
         "'conversations[0].from' is 'tool', must be system, user or assistant."
         " Write system, user or assistant."),
        ({"messages": [USER, {"role": "assistant", "content": None}]},
         "'messages[1].content' is null, must be text. Write the turn's text."),
        ({"messages": [USER, {"role": "assistant"}]},
         "'messages[1].content' is missing, must be text. Write the turn's text."),
        ({"messages": [USER, {"role": "assistant", "content": " \n"}]},
         "'messages[1].content' is empty, must be the answer to learn. Write it or remove the row."),
        ({"messages": [USER, {**ANSWER, "tool_calls": [{}]}]},
         "'messages[1].tool_calls' would change what is learned, and is not read."
         " Remove it, or the row."),
        ({"messages": [USER, {**ANSWER, "weight": 0}]},
         "'messages[1].weight' would change what is learned, and is not read. Remove it, or the row."),
        ({"messages": [USER, ANSWER], "tools": [{}]},
         "'tools' would change what the model reads, and are not read. Remove them, or the row."),
        ({"prompt": "a", "completion": ""},
         "'completion' is empty, must be the answer to learn. Write it or remove the line."),
        ({"prompt": " ", "completion": "b"},
         "'prompt' is empty, must say what is asked. Write it or remove the line."),
        ({"prompt": [USER], "completion": [USER]},
         "'completion' has no assistant turn to learn from. Add the answer or remove the row."),
        ({"text": ""}, "'text' is empty. Write it or remove the line."),
    ],
)  # fmt: skip
def test_a_bad_row_of_any_format_is_told(tmp_path: Path, record: dict[str, Any], message: str) -> None:
    path = rows(tmp_path, record)
    with pytest.raises(InputError) as caught:
        read_rows(path)
    assert str(caught.value) == f"{path}:1: {message}"


def test_a_hundred_thousand_rows_take_about_a_second(tmp_path: Path) -> None:
    line = json.dumps(
        {"instruction": "Name the intent.", "input": "Where is my card? " * 5, "output": "card"}
    )
    path = tmp_path / "rows.jsonl"
    path.write_text((line + "\n") * 100_000, encoding="utf-8")
    start = time.process_time()
    assert len(read_rows(path)) == 100_000
    assert time.process_time() - start < 4  # a second here; four where other work shares the core
