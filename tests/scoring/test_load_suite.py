"""Suites: both forms, and one clear line for each thing that can be wrong with one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.errors import InputError
from sweeper.scoring.load_suite import DEFAULT_MAX_NEW_TOKENS, load_suite
from sweeper.scoring.suite import Case


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def jsonl(path: Path, *records: dict[str, object]) -> Path:
    return written(path, "".join(json.dumps(record) + "\n" for record in records))


def problem(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_suite(path)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(path.parent) + "/", "")


GOOD: dict[str, object] = {"instruction": "Add.", "input": "1 2", "expected": "3"}


def test_cases_of_a_jsonl_file(tmp_path: Path) -> None:
    row: dict[str, object] = {"instruction": "Greet.", "output": "Hello"}
    suite = load_suite(jsonl(tmp_path / "sums.jsonl", {"id": "a", **GOOD}, row))
    assert (suite.name, suite.max_new_tokens) == ("sums", DEFAULT_MAX_NEW_TOKENS)
    assert suite.cases == (Case("a", "Add.", "1 2", "3"), Case("case-2", "Greet.", "", "Hello"))


def test_a_yaml_file_with_cases_in_it(tmp_path: Path) -> None:
    cases = "cases:\n  - {instruction: Add., input: 1 2, expected: '3'}\n"
    text = "name: sums\ndecode: {max_new_tokens: 5}\n" + cases
    suite = load_suite(written(tmp_path / "suite.yaml", text))
    assert (suite.name, suite.max_new_tokens) == ("sums", 5)
    assert suite.cases == (Case("case-1", "Add.", "1 2", "3"),)


def test_a_yaml_file_that_names_its_cases(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    jsonl(tmp_path / "cases" / "sums.jsonl", GOOD)
    suite = load_suite(written(tmp_path / "suite.yaml", "name: my-sums\ncases: cases/sums.jsonl\n"))
    assert (suite.name, suite.max_new_tokens, len(suite.cases)) == ("my-sums", DEFAULT_MAX_NEW_TOKENS, 1)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({**GOOD, "expected": " \n"}, "cases.jsonl:2: expected is empty, and no answer can be right"),
        ({**GOOD, "output": "3"}, "cases.jsonl:2: output and 'expected' mean the same"),
        ({**GOOD, "expected": 3}, "cases.jsonl:2: expected is 3, must be text. Put it in quotes."),
        ({**GOOD, "expected": None}, "cases.jsonl:2: 'expected' is null. Give it a value"),
        ({**GOOD, "scorer": "equals"}, "cases.jsonl:2: unknown key 'scorer'"),
        ({"instruction": "Add.", "expectd": "3"}, "'expectd'. Did you mean 'expected'?"),
        ({"input": "1 2", "expected": "3"}, "cases.jsonl:2: the case has no `instruction`"),
        ({"instruction": "", "expected": "3"}, "cases.jsonl:2: the case has an empty `instruction`"),
        ({**GOOD, "id": "a"}, "cases.jsonl:2: the id 'a' stands here again, first at cases.jsonl:1"),
    ],
)
def test_a_bad_case_is_named_with_its_line(tmp_path: Path, record: dict[str, object], expected: str) -> None:
    assert expected in problem(jsonl(tmp_path / "cases.jsonl", {**GOOD, "id": "a"}, record))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: x\ncases: []\n", "suite.yaml:2:8: cases "),
        ("name: x\n", "missing"),
        ("name: x\ncases: 3\n", "suite.yaml:2:8: cases is 3"),
        ("name: a b\ncases: c.jsonl\n", "suite.yaml:1:7: name is 'a b', must be letters"),
        ("name: x\nscorer: equals\ncases: c.jsonl\n", "suite.yaml:2:1: "),
        ("name: x\ndecode: {max_tokens: 3}\ncases: c.jsonl\n", "Did you mean 'max_new_tokens'?"),
        ("name: x\ndecode: {max_new_tokens: 0}\ncases: c.jsonl\n", "decode.max_new_tokens is 0"),
        (
            "name: x\ncases:\n  - {instruction: a, expected: ''}\n",
            "suite.yaml:3:32: cases[0].expected is empty",
        ),
        ("name: x\ncases:\n  - {instruction: a, expected: 3}\n", "cases[0].expected is 3"),
        ("name: x\ncases: gone.jsonl\n", "gone.jsonl: there is no such file"),
    ],
)
def test_a_bad_yaml_file_is_named_with_line_and_column(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in problem(written(tmp_path / "suite.yaml", text))


def test_no_cases_and_no_such_form(tmp_path: Path) -> None:
    assert "empty.jsonl" in problem(written(tmp_path / "empty.jsonl", "\n"))
    assert "must end in .yaml, .jsonl or .csv" in problem(written(tmp_path / "cases.txt", "a,b\n"))
    assert "there is no such file" in problem(tmp_path / "gone.yaml")


def test_a_bad_suite_is_refused_before_torch_is_imported() -> None:
    code = "import sys, sweeper.scoring.load_suite; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
