"""JSON Lines: objects with their line numbers, or one clear line on what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.data.jsonl import read_jsonl_objects, text_field
from sweeper.errors import InputError


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "rows.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def message_of(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        list(read_jsonl_objects(path))
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message.removeprefix(str(path))


def test_blank_lines_count_but_give_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, '\n{"a": 1}\r\n  \n{"a": 2}')
    assert list(read_jsonl_objects(path)) == [(2, {"a": 1}), (4, {"a": 2})]


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    assert list(read_jsonl_objects(written(tmp_path, b'\xef\xbb\xbf{"a": 1}\n'))) == [(1, {"a": 1})]


def test_a_line_separator_in_a_text_ends_no_line(tmp_path: Path) -> None:
    path = written(tmp_path, '{"a": "x\u2028y\x85z"}\n')
    assert list(read_jsonl_objects(path)) == [(1, {"a": "x\u2028y\x85z"})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": the file has no lines. Write one JSON object per line into it."),
        ("\n \n", ": the file has no lines. Write one JSON object per line into it."),
        (b'{"a": 1}\n{"a": "\xff"}', ":2: byte 0xff is not UTF-8. Save the file as UTF-8."),
        (
            "{\"a\": 1}\n{'a': 1}",
            ":2:2: this is not JSON (Expecting property name enclosed in double quotes).",
        ),
        ('{"a": 1}\n{"a" 1}', ":2:6: this is not JSON (Expecting ':' delimiter)."),
        ('{"a": 1} {"a": 2}', ":1:10: this is not JSON (Extra data)."),
        ('{"a": 1}\n[1]', ":2: this line is a list, must be an object."),
        ("null", ":1: this line is null, must be an object."),
        ('[{"a": 1}]', ":1: this is one JSON array, must be JSON Lines."),
        ('[\n  {"a": 1}\n]', ":1: this is one JSON array, must be JSON Lines."),
        ('{\n  "a": 1\n}', ":1:2: this object spans several lines."),
        ('{"a": 1, "b": 2, "a": 3}', ":1: the key 'a' stands twice. Remove one of the two."),
        ("[" * 100_000, ":1: this line cannot be read. Write a plain JSON object."),
        ('{"a": ' + "1" * 5000 + "}", ":1: this line cannot be read. Write a plain JSON object."),
    ],
)
def test_what_is_no_json_lines(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert message_of(written(tmp_path, content)).startswith(message)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    written(tmp_path, "{}")
    missing = message_of(tmp_path / "rows.json")
    assert missing == ": there is no such file. Did you mean 'rows.jsonl'?"
    assert message_of(tmp_path) == ": this is a folder, must be a file. Name a file in it."


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"outptu": "x"}, "rows:3: 'output' is missing, but there is 'outptu'. Did you mean 'output'?"),
        ({"id": 1}, "rows:3: 'output' is missing (keys there: 'id'). Add it: {\"output\": \"...\"}."),
        ({}, 'rows:3: \'output\' is missing (keys there: none). Add it: {"output": "..."}.'),
        ({"output": 4}, "rows:3: 'output' is a number, must be text. Put it in double quotes."),
        ({"output": None}, "rows:3: 'output' is null, must be text. Put it in double quotes."),
    ],
)
def test_a_field_that_is_no_text(record: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        text_field(Path("rows"), 3, record, "output")
    assert str(caught.value) == message


def test_an_optional_field_may_be_missing_but_not_be_a_number() -> None:
    assert text_field(Path("rows"), 1, {}, "input", optional=True) == ""
    with pytest.raises(InputError, match="'input' is a number"):
        text_field(Path("rows"), 1, {"input": 1}, "input", optional=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jsonl")


texts = st.text(st.characters(codec="utf-8"))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(texts, texts | st.integers() | st.booleans()), min_size=1), st.booleans())
def test_what_json_wrote_comes_back(folder: Path, records: list[dict[str, Any]], ascii_only: bool) -> None:
    path = written(folder, "\n".join(json.dumps(record, ensure_ascii=ascii_only) for record in records))
    assert list(read_jsonl_objects(path)) == list(enumerate(records, 1))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | st.text(alphabet='{}[]",:\n\\ua1 ', max_size=30))
def test_no_bytes_end_in_anything_but_one_line(folder: Path, content: bytes | str) -> None:
    path = written(folder, content)
    try:
        numbers = [number for number, _ in read_jsonl_objects(path)]
    except InputError as error:
        numbers = [1]
        message = str(error)
    else:
        message = f"{path}:"
    assert numbers == sorted(numbers)
    assert message.startswith(f"{path}:")
    assert len(message.splitlines()) == 1
