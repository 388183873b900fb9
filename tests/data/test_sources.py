"""Rows come out of every kind of file with the place that an error would name."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.data.load_rows import read_row_set, read_rows
from sweeper.data.rows import Chat, Message, Row
from sweeper.data.sources import read_records
from sweeper.errors import InputError
from sweeper.space.data_settings import HubSet, RowFile

RECORDS = [
    {"instruction": "Add.", "input": "1 2", "output": "3"},
    {"instruction": "Say \"hi\",\nthen go", "input": "", "output": "hi; é 日"},
]  # fmt: skip
ROWS = tuple(Row(**record) for record in RECORDS)


def written(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8", newline="")
    return path


def numbers(path: Path) -> list[int]:
    return [record.number for record in read_records(RowFile(path))]


def message_of(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        list(read_records(RowFile(path)))
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message.removeprefix(str(path))


def test_a_json_array_keeps_the_line_of_each_entry(tmp_path: Path) -> None:
    path = written(tmp_path, "rows.json", json.dumps(RECORDS, indent=2))
    assert read_rows(path) == ROWS
    assert numbers(path) == [2, 7]


def test_a_json_file_may_hold_json_lines(tmp_path: Path) -> None:
    path = written(tmp_path, "rows.json", "\n".join(json.dumps(record) for record in RECORDS))
    assert read_rows(path) == ROWS
    assert numbers(path) == [1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", ": the array is empty. Write one object per row into it."),
        ('[{"a": 1}\n 7]', ":2:2: no comma stands between two entries. Add it."),
        ('[{"a": 1},\n\n 7]', ":3: this entry is a number, must be an object. Write {...} for each row."),
        ('[{"a": 1},\n]', ":1:10: nothing follows this comma. Remove it."),
        ('[{"a": 1}', ":1:10: the array is not closed. Add the ]."),
        ('[{"a": 1},', ":1:11: this is not JSON (Expecting value). Correct it."),
        ('[\n{"a": tru}]', ":2:7: this is not JSON (Expecting value). Correct it."),
        ('[\n{"a": 1, "a": 2}]', ":2: the key 'a' stands twice. Remove one."),
        ('[{"a": 1}]\n[]', ":1:10: something stands behind the array's closing bracket."
                           " Keep one array in the file."),
        ("[" * 100_000, ":1: this entry cannot be read. Write a plain object."),
    ],
)  # fmt: skip
def test_what_is_no_array_of_objects(tmp_path: Path, content: str, message: str) -> None:
    assert message_of(written(tmp_path, "rows.json", content)) == message


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_rows_have_the_line_in_which_they_begin(tmp_path: Path, separator: str) -> None:
    path = tmp_path / ("rows.tsv" if separator == "\t" else "rows.csv")
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(RECORDS[0])
        writer.writerows(record.values() for record in [*RECORDS, RECORDS[0]])
    assert read_rows(path) == (*ROWS, ROWS[0])
    assert numbers(path) == [2, 3, 5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": the file has no header line. Name the columns in its first line."),
        ("a,b\n", ": the file has no rows under its header. Write one row per line."),
        ("a,b,a\n1,2,3\n", ":1: the column 'a' stands twice. Rename one of the two."),
        ("a,b\n1,2\n1\n", ":3: this row has 1 cells, and the header has 2."
                          " Put a text that holds the separator into double quotes."),
        ('a,b\n1,"2\n', ":2: this is not CSV (unexpected end of data)."
                        " Put a text that holds quotes into quotes, and write each quote in it twice."),
        ('a,b\n1,"2"3\n', ":2: this is not CSV (',' expected after '\"')."
                          " Put a text that holds quotes into quotes, and write each quote in it twice."),
    ],
)  # fmt: skip
def test_what_is_no_csv(tmp_path: Path, content: str, message: str) -> None:
    assert message_of(written(tmp_path, "rows.csv", content)) == message


def test_an_error_in_a_csv_row_names_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "rows.csv", 'instruction,input,output\n"a\nb",c,d\ne,f,\n')
    with pytest.raises(InputError) as caught:
        read_rows(path)
    assert str(caught.value).startswith(f"{path}:4: 'output' is empty")


def test_a_long_text_in_csv_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, "rows.csv", f"instruction,input,output\na,{'b' * 200_000},c\n")
    assert read_rows(path) == (Row("a", "b" * 200_000, "c"),)


def save_parquet(path: Path, records: list[dict[str, Any]]) -> Path:
    from pyarrow import Table, parquet

    parquet.write_table(Table.from_pylist(records), path)
    return path


CHAT = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}


def test_parquet_rows_have_their_index(tmp_path: Path) -> None:
    path = save_parquet(tmp_path / "rows.parquet", RECORDS)
    assert read_rows(path) == ROWS
    assert numbers(path) == [0, 1]
    chats = save_parquet(tmp_path / "chats.parquet", [CHAT])
    assert read_rows(chats) == (Chat((Message("user", "a"), Message("assistant", "b"))),)


def test_an_error_in_a_parquet_row_names_its_index(tmp_path: Path) -> None:
    path = save_parquet(tmp_path / "rows.parquet", [RECORDS[0], {**RECORDS[0], "output": None}])
    with pytest.raises(InputError) as caught:
        read_rows(path)
    assert str(caught.value).startswith(f"{path}, row 1: 'output' is null, must be text")


def test_what_is_no_parquet(tmp_path: Path) -> None:
    assert message_of(written(tmp_path, "rows.parquet", "x" * 50)).startswith(": this is no Parquet file (")
    empty = save_parquet(tmp_path / "empty.parquet", [])
    assert message_of(empty) == ": the file has no rows. Name a file that has some."


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `datasets` loads it without a script: a file for each split."""
    folder = tmp_path_factory.mktemp("sets") / "tickets"
    folder.mkdir()
    for split, records in {"train": RECORDS, "validation": RECORDS[:1]}.items():
        written(folder, f"{split}.jsonl", "".join(json.dumps(record) + "\n" for record in records))
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def test_a_data_set_is_read_by_its_split(data_set: Path) -> None:
    rows = read_row_set(HubSet(str(data_set), None, "train"))
    assert rows.rows == ROWS
    assert rows.place(1) == f"hub:{data_set}[train], row 1"
    assert read_row_set(HubSet(str(data_set), None, "validation")).rows == ROWS[:1]


def test_a_split_that_is_not_there_is_told_with_those_that_are(data_set: Path) -> None:
    with pytest.raises(InputError) as caught:
        list(read_records(HubSet(str(data_set), None, "trian")))
    assert str(caught.value) == f"hub:{data_set}[trian]: there is no split 'trian'. Did you mean 'train'?"


def test_a_folder_that_holds_no_data_set_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        list(read_records(HubSet(str(tmp_path), None, "train")))
    assert str(caught.value).startswith(f"hub:{tmp_path}[train]: the data set cannot be loaded (")
    assert len(str(caught.value).splitlines()) == 1


def test_half_of_a_character_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "rows.jsonl", r'{"instruction": "a", "input": "", "output": "x\ud83d"}')
    with pytest.raises(InputError) as caught:
        read_rows(path)
    assert str(caught.value) == (
        f"{path}:1: 'output' holds \\ud83d, half of a character. Write the character itself, or both halves."
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4), st.sampled_from([None, 1]))
def test_what_json_and_csv_wrote_comes_back(
    folder: Path, cells: list[tuple[str, str]], indent: int | None
) -> None:
    records = [{"a": left, "b": right} for left, right in cells]
    array = written(folder, "rows.json", json.dumps(records, indent=indent, ensure_ascii=False))
    assert [dict(record.values) for record in read_records(RowFile(array))] == records
    table = folder / "rows.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["a", "b"])
        writer.writerows(cells)
    assert [dict(record.values) for record in read_records(RowFile(table))] == records


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([".json", ".csv"]), st.text(alphabet='{}[]",:;\n\r\\a1 ', max_size=30))
def test_no_text_ends_in_anything_but_one_line(folder: Path, ending: str, content: str) -> None:
    path = written(folder, f"odd{ending}", content)
    try:
        list(read_records(RowFile(path)))
    except InputError as error:
        message = str(error)
    else:
        message = f"{path}:"
    assert message.startswith(str(path))
    assert len(message.splitlines()) == 1
