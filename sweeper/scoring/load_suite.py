"""Reads a suite: a .jsonl file of cases, or a .yaml file that names them and says how to decode."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, field_validator

from sweeper.data.jsonl import read_jsonl_objects, text_field
from sweeper.errors import InputError
from sweeper.scoring.suite import Case, Suite
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.suggest import did_you_mean
from sweeper.space.yaml_file import FileModel, check, read_yaml

DEFAULT_MAX_NEW_TOKENS = 64


class _CaseRecord(FileModel):
    """One case as it is written. A training row can stand as a case: its output is what is expected."""

    id: str | None = None
    instruction: str
    input: str = ""
    expected: str | None = None
    output: str | None = None


class _DecodeRecord(FileModel):
    max_new_tokens: int = Field(default=DEFAULT_MAX_NEW_TOKENS, ge=1, examples=["64"])


class _SuiteFile(FileModel):
    name: str = Field(examples=["my-suite"])
    decode: _DecodeRecord = _DecodeRecord()

    @field_validator("name")
    @classmethod
    def _names_a_metric(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
            raise BrokenRule(f"is {name!r}, must be letters, digits, '-', '_' and '.'", "Write another name")
        return name


class _SuiteWithCases(_SuiteFile):
    cases: list[_CaseRecord] = Field(min_length=1, examples=["my-cases.jsonl"])


class _SuiteOfFile(_SuiteFile):
    cases: str = Field(min_length=1, examples=["my-cases.jsonl"])


@dataclass(frozen=True, slots=True)
class _Draft:
    """A case's texts by key, still to be held to the rules, and where it stands."""

    place: str
    texts: Mapping[str, str]


def load_suite(path: Path) -> Suite:
    """Reads `path` by its ending. Raises InputError with the place of what is wrong.

    A .jsonl file is called by its name and answered with up to 64 tokens a case; a .yaml file says
    `name`, `cases` (a list, or the path of a .jsonl file, relative to it) and `decode`.
    """
    if path.suffix == ".jsonl":
        return Suite(path.stem, path, _cases(path, _drafts_of_jsonl(path)), DEFAULT_MAX_NEW_TOKENS)
    if path.suffix in (".yaml", ".yml"):
        return _load_yaml(path)
    raise InputError(
        str(path),
        f"a suite cannot end in '{path.suffix}', must end in .jsonl or .yaml",
        "Write its cases as JSON Lines",
    )


def _load_yaml(path: Path) -> Suite:
    file = read_yaml(path)
    if isinstance(file.data.get("cases"), str):
        of_file = check(file, _SuiteOfFile)
        cases_path = path.parent / of_file.cases
        cases = _cases(cases_path, _drafts_of_jsonl(cases_path))
        return Suite(of_file.name, path, cases, of_file.decode.max_new_tokens)
    with_cases = check(file, _SuiteWithCases)
    drafts = (
        _Draft(file.place(("cases", index)), record.model_dump(exclude_none=True))
        for index, record in enumerate(with_cases.cases)
    )
    return Suite(with_cases.name, path, _cases(path, drafts), with_cases.decode.max_new_tokens)


def _drafts_of_jsonl(path: Path) -> Iterator[_Draft]:
    known = list(_CaseRecord.model_fields)
    for number, record in read_jsonl_objects(path):
        place = f"{path}:{number}"
        texts = {key: text_field(path, number, record, key) for key in known if key in record}
        texts["instruction"] = text_field(path, number, record, "instruction")
        unknown = next((key for key in record if key not in known), None)
        if unknown is not None:
            fix = did_you_mean(unknown, known, f"Known keys here: {', '.join(known)}")
            raise InputError(place, f"unknown key '{unknown}'", fix)
        yield _Draft(place, texts)


def _cases(path: Path, drafts: Iterator[_Draft]) -> tuple[Case, ...]:
    """Cases in the file's order. A case without an id is called by its number, from 1."""
    places: dict[str, str] = {}
    cases = []
    for number, draft in enumerate(drafts, 1):
        case = _case(draft, default_id=f"case-{number}")
        if case.id in places:
            raise InputError(
                draft.place,
                f"the id '{case.id}' stands here again, first at {places[case.id]}",
                "Give each case an id of its own",
            )
        places[case.id] = draft.place
        cases.append(case)
    return tuple(cases)


def _case(draft: _Draft, default_id: str) -> Case:
    texts = draft.texts
    text = texts.get("input", "")
    if not (texts["instruction"].strip() or text.strip()):
        raise InputError(draft.place, "'instruction' and 'input' are empty", "Write what the model reads")
    return Case(texts.get("id") or default_id, texts["instruction"], text, _expected(draft))


def _expected(draft: _Draft) -> str:
    """What stands under `expected`, or under `output` in its place."""
    given = [key for key in ("expected", "output") if key in draft.texts]
    if len(given) == 2:
        raise InputError(draft.place, "'expected' and 'output' mean the same", "Remove one of the two")
    if not given:
        raise InputError(draft.place, "'expected' is missing", "Add the right answer, to the letter")
    expected = draft.texts[given[0]]
    if not expected.strip():
        raise InputError(
            draft.place, f"'{given[0]}' is empty, and no answer can be right", "Write the right answer"
        )
    return expected
