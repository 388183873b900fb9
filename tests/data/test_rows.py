"""Training rows are read whole, or refused with the line that is wrong."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from sweeper.data.rows import Row, read_rows
from sweeper.errors import InputError

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
            "the key 'messages' tells rows of chat messages, which are not supported yet."
            " Write instruction, input and output on each line.",
        ),
        (
            {"prompt": "a", "completion": "b"},
            "the key 'prompt' tells rows of prompt and completion, which are not supported yet."
            " Write instruction, input and output on each line.",
        ),
    ],
)
def test_a_bad_row_is_told_with_its_line(tmp_path: Path, record: dict[str, Any], message: str) -> None:
    path = rows(tmp_path, GOOD, record)
    with pytest.raises(InputError) as caught:
        read_rows(path)
    assert str(caught.value) == f"{path}:2: {message}"


def test_a_hundred_thousand_rows_take_about_a_second(tmp_path: Path) -> None:
    line = json.dumps(
        {"instruction": "Name the intent.", "input": "Where is my card? " * 5, "output": "card"}
    )
    path = tmp_path / "rows.jsonl"
    path.write_text((line + "\n") * 100_000, encoding="utf-8")
    start = time.process_time()
    assert len(read_rows(path)) == 100_000
    assert time.process_time() - start < 4  # a second here; four where other work shares the core
