"""Where cases come from: a suite's own list, JSON Lines, or CSV. Each keeps the place to blame."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweeper.data.jsonl import read_jsonl_objects
from sweeper.errors import InputError
from sweeper.scoring.suite_file import CaseRecord
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.problems import problems_of
from sweeper.space.suggest import did_you_mean
from sweeper.space.text_file import read_text
from sweeper.space.wording import count, dotted
from sweeper.space.yaml_file import YamlFile

KNOWN_KEYS = tuple(CaseRecord.model_fields)
_LISTS = ("tags",)
"""Columns of a CSV file that hold several texts, parted by blanks."""
_NO_COLUMNS = ("vars", "messages", "assert")
"""Keys that a cell cannot hold."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A case as it is written. `place` is how another case's error names it; `error` blames it."""

    record: Any
    place: str
    error: Callable[[BrokenRule], InputError]


def inline_drafts(file: YamlFile, records: list[Any]) -> Iterator[Draft]:
    """The cases of a suite file's own list."""
    for index, record in enumerate(records):

        def error(broken: BrokenRule, index: int = index) -> InputError:
            at = broken.under("cases", index)
            problem = f"{dotted(at.at)} {broken.problem}"
            return InputError(file.place(at.at, broken.at_key), problem, broken.fix)

        yield Draft(record, file.place(("cases", index)), error)


def file_drafts(path: Path, free_keys: bool) -> Iterator[Draft]:
    """The cases of a .jsonl or .csv file. With `free_keys` a key that is not known is a variable."""
    if path.suffix == ".csv":
        objects = _csv_objects(path)
    elif path.suffix == ".jsonl":
        objects = read_jsonl_objects(path)
    else:
        problem = f"cases cannot come from a file that ends in '{path.suffix}', must be .jsonl or .csv"
        raise InputError(str(path), problem, "Write its cases as JSON Lines")
    for number, record in objects:
        yield _draft(f"{path}:{number}", record, free_keys)


def _draft(place: str, record: dict[str, Any], free_keys: bool) -> Draft:
    def error(broken: BrokenRule) -> InputError:
        name = f"{dotted(broken.at)} " if broken.at else "the case "
        return InputError(place, name + broken.problem, broken.fix)

    unknown = [key for key in record if key not in KNOWN_KEYS]
    if unknown and not free_keys:
        missing = [key for key in KNOWN_KEYS if key not in record]
        fix = did_you_mean(unknown[0], missing, f"Known keys here: {', '.join(KNOWN_KEYS)}")
        raise InputError(place, f"unknown key '{unknown[0]}'", fix)
    null = next((key for key, value in record.items() if value is None), None)
    if null is not None:
        raise InputError(place, f"'{null}' is null", "Give it a value or leave the key out")
    known = {key: value for key, value in record.items() if key in KNOWN_KEYS}
    if unknown:
        own = known.get("vars", {})
        known["vars"] = {**{key: record[key] for key in unknown}, **(own if isinstance(own, dict) else {})}
    try:
        return Draft(CaseRecord.model_validate(known), place, error)
    except ValidationError as invalid:
        problem = problems_of(invalid, CaseRecord, known)[0]
        raise InputError(place, problem.text, problem.fix) from None


def _csv_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row's line number and its cells by the header's names. Blank cells are left out."""
    # As it is: a quoted cell may hold line ends, and no other sign than these ends a row.
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    header: list[str] = []
    found = False
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(path, reader.line_num, cells)
                continue
            if len(cells) != len(header):
                problem = f"this row has {count(len(cells), 'cell')}, and the header {len(header)}"
                raise InputError(f"{path}:{reader.line_num}", problem, "Put cells with commas in quotes")
            found = True
            row = {key: cell for key, cell in zip(header, cells, strict=True) if cell.strip()}
            yield reader.line_num, {key: row[key].split() if key in _LISTS else row[key] for key in row}
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}", f"this is no CSV ({error})", "Correct it") from None
    if not found:
        raise InputError(str(path), "the file has no cases", "Write a header, then one case per row")


def _header(path: Path, line: int, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    wrong = next((name for name in names if not name or names.count(name) > 1 or name in _NO_COLUMNS), None)
    if wrong is None:
        return names
    if wrong in _NO_COLUMNS:
        problem = f"the column '{wrong}' cannot be written in CSV"
        raise InputError(f"{path}:{line}", problem, "Write it in the suite's defaults, or use JSON Lines")
    problem = f"the column '{wrong}' stands twice" if wrong else "a column has no name"
    raise InputError(f"{path}:{line}", problem, "Give each column a name of its own")
