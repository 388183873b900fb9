"""docs/space.md says what the code does."""

import ast
import math
import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from sweeper.data.formats import READERS
from sweeper.data.load_rows import read_row_set, read_rows
from sweeper.data.rows import Row
from sweeper.scoring.load_suite import load_suite
from sweeper.space.data_section import ENDINGS
from sweeper.space.data_settings import HeldOutShare, RowFile
from sweeper.space.default_space import DEFAULT_BASELINE, DEFAULT_SPACE
from sweeper.space.expression import FUNCTIONS, MAX_EXPONENT, OPERATORS
from sweeper.space.grid import GRID_LIMIT
from sweeper.space.load import load_space
from sweeper.space.ollama_terms import OllamaParameters
from sweeper.space.read_parameter import read_parameter
from sweeper.space.rules import LIMIT, NUMBERS, SCHEDULERS
from sweeper.space.schema import ParametersSection, SpaceFile
from sweeper.space.survey import DRAWS
from sweeper.space.trial_config import TrialConfig
from sweeper.space.yaml_file import read_yaml

PAGE = (Path(__file__).parents[2] / "docs" / "space.md").read_text(encoding="utf-8")
WHOLE, SUITE, WAYS, RULES = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
ROW, CASE = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"rows.jsonl": ROW, "dev.jsonl": CASE, "dev.yaml": SUITE, "test.yaml": SUITE, "space.yaml": WHOLE}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_example_loads(folder: Path) -> None:
    space = load_space(folder / "space.yaml")
    assert space.name == "support"
    assert read_rows(folder / "rows.jsonl") == (Row("Name the intent.", "Where is my card?", "card_arrival"),)
    assert space.data.validation == HeldOutShare(0.1, seed=0)
    suite = load_suite(space.dev[0])
    assert (suite.max_new_tokens, suite.cases[0].expected) == (24, "card_arrival")


def test_every_format_has_its_line_and_its_example(tmp_path: Path) -> None:
    section = PAGE.split("## data\n")[1].split("## evaluation")[0]
    examples = [ROW, *re.findall(r"```jsonl\n(.*?)```", section, flags=re.DOTALL)[0].splitlines()]
    formats = []
    for example in examples:
        (tmp_path / "rows.jsonl").write_text(example, encoding="utf-8")
        formats.append(read_row_set(RowFile(tmp_path / "rows.jsonl")).format)
    assert formats == list(READERS)
    table = section.split("| format |")[1]
    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == list(READERS)
    assert sorted(re.findall(r"`(\.\w+)`", section.split("| format |")[0])) == sorted(ENDINGS)


def test_the_ways_to_write_a_parameter_are_read(folder: Path) -> None:
    (folder / "ways.yaml").write_text(WAYS, encoding="utf-8")
    ways = read_yaml(folder / "ways.yaml").data["parameters"]
    kinds = [type(read_parameter(name, raw)).__name__ for name, raw in ways.items()]
    assert kinds == ["Constant", "Choice", "Range", "Range", "Computed", "Conditional"]
    wider = WHOLE.split("parameters:")[0] + WAYS + RULES + "evaluation: {dev: dev.yaml}\n"
    (folder / "space.yaml").write_text(wider, encoding="utf-8")
    space = load_space(folder / "space.yaml")
    assert (len(space.constraints), len(space.baseline)) == (2, 2)


def keys_of(model: type[BaseModel]) -> set[str]:
    """The dotted keys of a file's model, down to those without further keys or with a table of their own."""
    keys = set()
    for name, field in model.model_fields.items():
        parts = get_args(field.annotation) or (field.annotation,)  # a section may be left out: X | None
        inner = next((part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)), None)
        if inner is not None and inner not in (OllamaParameters, ParametersSection):
            keys |= {f"{name}.{key}" for key in keys_of(inner)}
        else:
            keys.add(name)
    return keys


def test_every_key_has_its_line() -> None:
    table = PAGE.split("## model.base")[0]
    assert set(re.findall(r"^\| `([\w.]+)` \|", table, flags=re.MULTILINE)) == keys_of(SpaceFile)


def test_every_parameter_has_its_line_with_its_default(tmp_path: Path) -> None:
    lines = dict(
        re.findall(r"^\| `(\w+)` \| .* \| (.+ \| .+) \|$", PAGE.split("## parameters")[1], flags=re.MULTILINE)
    )
    assert set(lines) == set(DEFAULT_SPACE)
    for name, line in lines.items():
        default, searched = (cell.strip("` ") for cell in line.split(" | "))
        (tmp_path / "cells.yaml").write_text(f"default: {default}\nsearched: {searched}\n", encoding="utf-8")
        cells = read_yaml(tmp_path / "cells.yaml").data
        if getattr(TrialConfig(), name) is None:
            assert cells == {"default": "none", "searched": "none"}
            continue
        assert read_parameter(name, cells["searched"]) == DEFAULT_SPACE[name]
        assert read_parameter(name, cells["default"]).value == getattr(TrialConfig(), name)  # type: ignore[union-attr]


def test_bounds_and_names_are_those_of_the_rules() -> None:
    types = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", PAGE.split("## parameters")[1], flags=re.MULTILINE))
    for name, rule in NUMBERS.items():
        bound = f"above {rule.minimum:g}" if rule.above else f"{rule.minimum:g} or more"
        assert bound in types[name]
        assert ("whole number" in types[name]) == rule.integer
        assert (f"below {rule.below:g}" in types[name]) == (rule.below < math.inf)
    assert re.findall(r"`(\w+)`", types["lr_scheduler_type"]) == list(SCHEDULERS)


def test_expressions_are_those_of_the_code() -> None:
    section = PAGE.split("## expressions")[1].split("## ")[0]
    signs = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%"}
    line = next(line for line in section.splitlines() if line.startswith("| arithmetic"))
    assert set(re.findall(r"`([^`]+)`", line)) == {*(signs | {ast.Pow: "**"}).values(), *FUNCTIONS}
    assert set(OPERATORS) == {*signs, ast.Pow}
    assert f"up to {MAX_EXPONENT}" in line
    assert f"up to {LIMIT:.0e}".replace("+", "") in section


def test_the_default_baseline_is_on_the_page() -> None:
    entries = re.findall(r"begins with `(.+?)` and `(.+?)`", PAGE)[0]
    assert tuple(YAML(typ="safe").load(entry) for entry in entries) == DEFAULT_BASELINE
    assert f"up to {GRID_LIMIT:,}" in PAGE
    assert f"none of {DRAWS:,} and more" in PAGE


def test_ollamas_parameters_are_all_there() -> None:
    section = PAGE.split("## promote.parameters")[1]
    assert set(re.findall(r"`(\w+)`", section)) == set(OllamaParameters.model_fields)
