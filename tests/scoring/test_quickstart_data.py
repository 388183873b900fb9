"""The quickstart's files are what their generator writes, and hold what they promise."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from sweeper.scoring.load_suite import load_suite

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ROOT / "search_spaces/data/quickstart_train.jsonl"
SUITES = [ROOT / f"evaluation/quickstart_{name}.yaml" for name in ("dev", "test")]


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "search_spaces/data/make_quickstart.py"))


def test_the_generator_writes_the_committed_files(generator: dict[str, Any], tmp_path: Path) -> None:
    generator["main"](tmp_path)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.jsonl"))
    assert len(made) == 3
    for path in made:
        assert (tmp_path / path).read_bytes() == (ROOT / path).read_bytes(), path


def test_no_message_stands_in_two_files() -> None:
    train = [json.loads(line)["input"] for line in TRAIN.read_text().splitlines()]
    messages = [*train, *(case.input for path in SUITES for case in load_suite(path).cases)]
    assert len(train) == 200
    assert len(set(messages)) == len(messages) == 300


def test_half_of_the_cases_name_things_that_no_row_does() -> None:
    trained = {json.loads(json.loads(line)["output"])["item"] for line in TRAIN.read_text().splitlines()}
    for path in SUITES:
        items = [json.loads(case.expected)["item"] for case in load_suite(path).cases]
        assert sum(item not in trained for item in items) == len(items) // 2


def test_answers_are_compact_json_with_the_keys_in_order() -> None:
    for path in SUITES:
        for case in load_suite(path).cases:
            answer = json.loads(case.expected)
            assert list(answer) == ["intent", "item", "quantity"]
            assert json.dumps(answer, separators=(",", ":")) == case.expected
