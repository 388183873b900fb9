"""`sweep init` writes files that load, whatever the rows, and never over a file that is there."""

import json
import random
from pathlib import Path

import pytest

from sweeper.commands.check import check
from sweeper.commands.init import init
from sweeper.data.load_rows import read_rows
from sweeper.errors import InputError
from sweeper.home import Home
from sweeper.scoring.load_suite import load_suite
from sweeper.space.load import load_space
from sweeper.space.objective import TARGET_LOSS
from tests.tiny_base import save_tiny_base

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


COLOURS, BEASTS = ("red", "blue", "green"), ("bird", "cat", "dog", "ox", "hen")
WORDS = [f"{colour}{beast}" for colour in COLOURS for beast in BEASTS]


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_base(tmp_path_factory.mktemp("base"))


def as_row(format: str, number: int) -> dict[str, object]:
    """Row `number` of a format; among them what is awkward: braces, a second turn, a system text."""
    question, answer = f"Which {{% is %}} {{{{number}}}} {number}?", f"It is {number}."
    asked = [{"role": "system", "content": "Be {brief}."}, {"role": "user", "content": question}]
    told = [{"role": "assistant", "content": answer}]
    after = [
        {"role": "user", "content": "And then?"},
        {"role": "assistant", "content": f"{number + 1}."},
    ]
    rows: dict[str, dict[str, object]] = {
        "instruction": {"instruction": question, "input": "", "output": answer},
        "chat": {"messages": [*asked, *told, *(after if number % 2 else [])]},
        "prompt_completion": {"prompt": question, "completion": answer},
        "prompts": {"prompt": asked, "completion": told},
        "text": {"text": " ".join(random.Random(number).sample(WORDS, 12))},
    }
    return rows[format]


@pytest.mark.parametrize("format", ["instruction", "chat", "prompt_completion", "prompts", "text"])
def test_every_format_passes_check(
    tmp_path: Path, format: str, capsys: pytest.CaptureFixture[str], base_folder: Path
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("".join(json.dumps(as_row(format, number)) + "\n" for number in range(90)))
    init(path, str(base_folder), None, tmp_path / "out")
    written = (tmp_path / "out" / "r_train.jsonl").read_text().splitlines()
    rows = path.read_text().splitlines()
    assert {json.dumps(json.loads(line), sort_keys=True) for line in written} < {
        json.dumps(json.loads(line), sort_keys=True) for line in rows
    }
    check(Home(tmp_path / "mlruns"), tmp_path / "out" / "r.yaml")
    told = capsys.readouterr().out
    assert "r is ready" in told
    assert "Both" not in told  # no overlap of cases with what is trained
    dev = load_suite(tmp_path / "out" / "r_dev.yaml")
    assert len(dev.cases) == 9
    assert all(case.expected for case in dev.cases)
    if format in ("chat", "prompts"):
        assert {len(case.messages) for case in dev.cases} == {2}
        assert dev.cases[0].messages[0].content == "Be {brief}."
        assert "{{number}}" in dev.cases[0].messages[1].content
    if format == "text":
        assert load_space(tmp_path / "out" / "r.yaml").search.objective == TARGET_LOSS


@pytest.mark.parametrize("ending", ["json", "csv", "parquet"])
def test_files_of_other_endings(tmp_path: Path, ending: str) -> None:
    import pandas as pd

    frame = pd.DataFrame([as_row("instruction", number) for number in range(60)])
    path = tmp_path / f"r.{ending}"
    if ending == "json":
        path.write_text(frame.to_json(orient="records"))
    elif ending == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    init(path, MODEL, None, tmp_path / "out")
    assert len(read_rows(tmp_path / "out" / "r_train.jsonl")) == 60 - 8 - 8


def test_rows_that_all_ask_the_same_are_told(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    path.write_text((json.dumps({"messages": turns}) + "\n") * 50)
    with pytest.raises(InputError, match="asks 1 different things, must ask 40"):
        init(path, MODEL, None, tmp_path)


def test_a_base_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.gguf"):
        init(write_rows(tmp_path / "r.jsonl", 100), "nowhere.gguf", None, tmp_path)
