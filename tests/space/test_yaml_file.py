"""YAML 1.2 becomes plain data with places; any model of a file is checked in the same way."""

from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, field_validator

from sweeper.errors import InputError
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.yaml_file import FileModel, read_yaml, validate


class Case(FileModel):
    prompt: str = Field(min_length=1, examples=["Say hello."])
    weight: float = Field(default=1.0, gt=0, examples=["0.5"])

    @field_validator("prompt")
    @classmethod
    def _asks(cls, prompt: str) -> str:
        if "!" in prompt:
            raise BrokenRule("shouts", "Leave out the !")
        return prompt


class Suite(FileModel):
    kind: Literal["exact", "judge"] = "exact"
    cases: list[Case] = Field(min_length=1, examples=["[{prompt: Say hello.}]"])
    notes: dict[str, str] = Field(default={}, examples=["{author: me}"])


def written(folder: Path, text: str) -> Path:
    path = folder / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("5.E-5", 5e-5),
        ("-.5", -0.5),
        ("012", 12),
        ("true", True),
        ("yes", "yes"),
        ("No", "No"),
        ("2024-11-05", "2024-11-05"),
        ("1:30", "1:30"),
        ("'1e-5'", "1e-5"),
        ("[a, [b]]", ["a", ["b"]]),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ("~", None),
    ],
)
def test_plain_data_by_yaml_1_2(tmp_path: Path, text: str, value: Any) -> None:
    assert read_yaml(written(tmp_path, f"key: {text}\n")).data == {"key": value}


def test_anchors_are_followed(tmp_path: Path) -> None:
    assert read_yaml(written(tmp_path, "a: &x [1]\nb: *x\n")).data == {"a": [1], "b": [1]}


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert read_yaml(written(tmp_path, "\ufeffkey: 1\n")).data == {"key": 1}


def test_places_count_from_one(tmp_path: Path) -> None:
    path = written(tmp_path, "cases:\n  - prompt: a\n  - {prompt: b}\n")
    file = read_yaml(path)
    assert file.place() == f"{path}:1:1"
    assert file.place(("cases", 1, "prompt")) == f"{path}:3:14"
    assert file.place(("cases", 1, "prompt"), at_key=True) == f"{path}:3:6"
    assert file.place(("cases", 1, "missing")) == f"{path}:3:5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "cases: []",
            "1:8: cases is an empty list, must be a list of at least 1 entry."
            " Write for example `cases: [{prompt: Say hello.}]`.",
        ),
        (
            "cases: [{prompt: ''}]",
            "1:18: cases[0].prompt is '', must be text of at least 1 character."
            " Write for example `prompt: Say hello.`.",
        ),
        ("cases: [{prompt: Hi!}]", "1:18: cases[0].prompt shouts. Leave out the !."),
        ("cases: [{promt: Hi}]", "1:10: cases[0].promt is an unknown key. Did you mean 'prompt'?"),
        (
            "cases: [{prompt: Hi, weight: 0}]",
            "1:30: cases[0].weight is 0, must be greater than 0. Write for example `weight: 0.5`.",
        ),
        (
            "cases: [{weight: 1}]",
            "1:9: cases[0].prompt is missing. Add it, for example `prompt: Say hello.`.",
        ),
        (
            "kind: exakt\ncases: [{prompt: a}]",
            "1:7: kind is 'exakt', must be 'exact' or 'judge'. Did you mean 'exact'?",
        ),
        ("cases: [{prompt: a}]\nnotes: {a: 1}", "2:12: notes.a is 1, must be text. Put it in quotes."),
        ("cases: [{prompt: a}, null]", "1:22: cases[1] has no value. Give it one or remove the line."),
        (
            "cases: [{prompt: a}, b]",
            "1:22: cases[1] is 'b', must be a mapping of keys to values. Correct it.",
        ),
    ],
)
def test_a_fault_in_any_model_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text + "\n")
    with pytest.raises(InputError) as caught:
        validate(path, Suite)
    assert str(caught.value) == f"{path}:{message}"


def test_a_good_file_becomes_the_model(tmp_path: Path) -> None:
    path = written(tmp_path, "cases: [{prompt: a}, {prompt: b, weight: 2}]\n")
    assert validate(path, Suite) == Suite(cases=[Case(prompt="a"), Case(prompt="b", weight=2.0)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("yaml")


@settings(max_examples=80, deadline=None)
@given(before=st.integers(0, 4), count=st.integers(1, 6), indent=st.integers(1, 5), data=st.data())
def test_the_place_is_where_the_value_stands(
    folder: Path, before: int, count: int, indent: int, data: st.DataObject
) -> None:
    wrong = data.draw(st.integers(0, count - 1))
    lines = ["# a comment"] * before + ["cases:"]
    lines += [f"{' ' * indent}- prompt: {17 if index == wrong else 'ok'}" for index in range(count)]
    path = written(folder, "\n".join(lines) + "\n")
    with pytest.raises(InputError) as caught:
        validate(path, Suite)
    _, line, column = caught.value.place.rsplit(":", 2)
    assert lines[int(line) - 1][int(column) - 1 :] == "17"


def test_a_sign_that_json_writes_as_two_escapes_is_one(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text('{"face": "\\ud83d\\ude00"}')
    assert read_yaml(path).data == {"face": "\N{GRINNING FACE}"}
