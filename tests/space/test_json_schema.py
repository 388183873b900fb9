"""The JSON Schema and the loader agree, as far as JSON Schema can say it."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from sweeper.cli import app
from sweeper.space.json_schema import space_schema
from sweeper.space.read_expression import KINDS as PARAMETERS
from sweeper.space.yaml_file import read_yaml
from tests.space.test_bad_spaces import Fault, faults
from tests.space.valid_space import KINDS, VALID, write

VALIDATOR = Draft202012Validator(space_schema())

BEYOND = re.compile(
    r"there is no |is a folder|, a folder|the same file|the package|is no hub id|Ollama allows it"
    r"|letters, digits|must not be empty|must be a path"  # files and names
    r"|its ending tells|behind 'hub:'|the same rows|rows of text have|validation is '0.1'"  # data
    r"|greater than min|makes a range|whole number of steps|must be at most max|must stand alone"
    r"|(16|8|6)\.0, must be a whole|2\.5, must be a whole number greater"  # numbers against each other
    r"|than the one before it|rungs\[0\] is nan|the last rung is|as a share|at most the wave"  # rungs
    r"|excludes log|has no effect|otherwise is missing"  # keys against each other
    r"|needs data.validation|must say when to stop"
    r"|holds `|which is no expression|which gives|cannot be used|depends on itself|which holds in"
    r"|^\S+ baseline\[\d\]\S* (is|breaks|does)(?! (an unknown|a mapping|empty|16, must be a mapping))"
    r"|which a grid|is grid, and|names max_steps"  # what a space means
)
"""Faults that only load_space finds, by their messages."""


def is_valid(folder: Path, text: str) -> bool:
    return VALIDATOR.is_valid(read_yaml(write(folder, text)).data)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(space_schema())


LEFT_OPEN = VALID.replace("weight_decay: 0.01", "gradient_checkpointing: auto")


@pytest.mark.parametrize("text", [VALID, KINDS, LEFT_OPEN], ids=["valid", "kinds", "left open"])
def test_what_loads_is_valid(tmp_path: Path, text: str) -> None:
    data = read_yaml(write(tmp_path, text)).data
    assert [error.message for error in VALIDATOR.iter_errors(data)] == []


def test_the_spaces_to_start_from_are_valid() -> None:
    for path in (Path(__file__).parents[2] / "search_spaces").glob("*.yaml"):
        assert [error.message for error in VALIDATOR.iter_errors(read_yaml(path).data)] == []


def readable() -> list[Fault]:
    """The faults of the tables that leave a file of YAML."""
    unreadable = re.compile(
        r"is not closed|no key can be|a tab stands|an alias|the tag|cannot start|a second document"
        r"|does not fit the lines|stands here again|half a sign"
    )
    return [fault for fault in faults() if not unreadable.search(fault.message)]


@pytest.mark.parametrize("fault", readable(), ids=lambda fault: fault.new or f"no {fault.old}")
def test_a_fault_of_structure_is_invalid_and_another_is_not(tmp_path: Path, fault: Fault) -> None:
    text = fault.valid.replace(fault.old if fault.new else fault.old + "\n", fault.new, 1)
    assert is_valid(tmp_path, text) == bool(BEYOND.search(fault.message)), fault.message


def test_examples_in_the_schema_are_valid_themselves() -> None:
    schema = space_schema()
    found = 0
    for owner in [schema, *schema["$defs"].values()]:
        for field in owner.get("properties", {}).values():
            for value in field.get("examples", ()):
                found += 1
                Draft202012Validator({**field, "$defs": schema["$defs"]}).validate(value)
    assert found > 20


def test_every_parameter_can_be_written(tmp_path: Path) -> None:
    properties = space_schema()["$defs"]["ParametersSection"]["properties"]
    assert set(properties) == set(PARAMETERS)


def test_the_command_prints_it() -> None:
    done = CliRunner().invoke(app, ["schema"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == space_schema()


def test_a_planted_gap_would_be_seen(tmp_path: Path) -> None:
    schema = space_schema()
    schema["$defs"]["value of lora_rank"] = {"type": "integer"}
    text = VALID.replace("lora_rank: {values: [8, 16]}", "lora_rank: {values: [8, 0]}")
    data = read_yaml(write(tmp_path, text)).data
    assert Draft202012Validator(schema).is_valid(data)
    assert not VALIDATOR.is_valid(data)
