"""`sweep init` writes files that load, whatever the rows, and never over a file that is there."""

import json
from pathlib import Path

import pytest

from sweeper.commands.init import init
from sweeper.data.load_rows import read_rows
from sweeper.errors import InputError
from sweeper.scoring.load_suite import load_suite
from sweeper.space.load import load_space

MODEL = "org/model"


def write_rows(path: Path, count: int, output: str = "answer {}") -> Path:
    rows = [
        {"instruction": "Do it.", "input": f"case {i % 90}", "output": output.format(i)} for i in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def asked(path: Path) -> set[str]:
    return {json.loads(line)["input"] for line in path.read_text().splitlines()}


def test_what_is_written_loads(tmp_path: Path) -> None:
    init(write_rows(tmp_path / "my rows.jsonl", 120), MODEL, None, tmp_path / "out")
    space = load_space(tmp_path / "out" / "my-rows.yaml")
    assert space.name == "my-rows"
    assert space.base == MODEL
    dev, test = load_suite(space.dev[0]), load_suite(space.test or space.dev[0])
    assert (len(dev.cases), len(test.cases)) == (9, 11)
    assert read_rows(tmp_path / "out" / "my-rows_train.jsonl")


def test_nothing_that_is_asked_in_the_end_is_trained(tmp_path: Path) -> None:
    """Rows that ask the same, with other answers, are on one side."""
    init(write_rows(tmp_path / "r.jsonl", 300), MODEL, None, tmp_path)
    train, dev, test = (asked(tmp_path / f"r_{use}.jsonl") for use in ("train", "dev", "test"))
    assert not train & dev
    assert not train & test
    assert not dev & test
    assert len(train | dev | test) == 90


def test_a_second_time_gives_the_same(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "r.jsonl", 100)
    for folder in ("a", "b"):
        init(rows, MODEL, "x", tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_no_file_is_written_over(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "r.jsonl", 100)
    (tmp_path / "x_test.jsonl").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        init(rows, MODEL, "x", tmp_path)
    assert (tmp_path / "x_test.jsonl").read_text() == "mine"
    assert not (tmp_path / "x.yaml").exists()


def test_few_rows_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 39 rows, must have 40"):
        init(write_rows(tmp_path / "r.jsonl", 39), MODEL, None, tmp_path)


def test_another_format_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    path.write_text((json.dumps({"messages": turns}) + "\n") * 50)
    with pytest.raises(InputError, match="format chat"):
        init(path, MODEL, None, tmp_path)


def test_a_base_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.gguf"):
        init(write_rows(tmp_path / "r.jsonl", 100), "nowhere.gguf", None, tmp_path)
