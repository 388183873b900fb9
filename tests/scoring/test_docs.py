"""docs/suites.md says what the code does, and the suites that ship are sound."""

import inspect
import re
from pathlib import Path

import pytest

from sweeper.scoring.assertions import plain_text
from sweeper.scoring.assertions.registry import ASSERTIONS
from sweeper.scoring.load_suite import load_suite
from sweeper.scoring.suite_file import AssertionRecord, CaseRecord, SuiteWithCases
from sweeper.scoring.transforms import TRANSFORMS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "suites.md").read_text(encoding="utf-8")
_, WHOLE = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
[CASE] = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
[CODE] = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_examples_load(tmp_path: Path) -> None:
    (tmp_path / "support.yaml").write_text(WHOLE, encoding="utf-8")
    suite = load_suite(tmp_path / "support.yaml")
    assert [case.id for case in suite.cases] == ["lost#1", "lost#2", "case-2#1", "case-2#2"]
    assert [check.type for check in suite.cases[0].checks] == ["contains", "regex", "length"]
    (tmp_path / "short.jsonl").write_text(CASE, encoding="utf-8")
    assert load_suite(tmp_path / "short.jsonl").cases[0].expected == "3"


def test_every_assertion_and_every_transform_has_its_line() -> None:
    table = PAGE.split("| type | value |")[1].split("\n\n")[0]
    names = [name for line in table.splitlines() for name in re.findall(r"`([^`]+)`", line.split(" | ")[0])]
    assert sorted(names) == sorted(ASSERTIONS)
    line = next(line for line in PAGE.splitlines() if line.startswith("| `transform` |"))
    assert set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", line)) - {"transform"} == set(TRANSFORMS)


def test_every_key_is_told() -> None:
    for model in (AssertionRecord, CaseRecord, SuiteWithCases):
        for key in model.model_fields:
            assert re.search(rf"\b{key}\b", PAGE), key


def test_the_code_shown_is_the_code() -> None:
    assert inspect.getsource(plain_text.starts_with) == CODE


@pytest.mark.parametrize(("name", "cases"), [("sanity", 32), ("numbers", 30)])
def test_suites_that_ship_are_checked_by_rules_alone(name: str, cases: int) -> None:
    suite = load_suite(ROOT / "evaluation" / f"{name}.yaml")
    assert len(suite.cases) == cases
    kinds = {check.type for case in suite.cases for check in case.checks}
    assert all(case.is_scored and case.tags for case in suite.cases)
    assert not kinds & {"judge", "python"}
