"""Reads a suite: a .jsonl or .csv file of cases, or a .yaml file that says how they are asked and scored."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sweeper.errors import InputError
from sweeper.scoring.case_sources import Draft, file_drafts, inline_drafts
from sweeper.scoring.harness_file import is_harness_file, load_harness_suite
from sweeper.scoring.read_case import SuiteRules, read_cases, suite_messages
from sweeper.scoring.suite import Case, Suite
from sweeper.scoring.suite_file import DEFAULT_MAX_NEW_TOKENS, SuiteOfFile, SuiteWithCases
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.wording import KeyPath, dotted
from sweeper.space.yaml_file import YamlFile, check, read_yaml

__all__ = ["DEFAULT_MAX_NEW_TOKENS", "load_suite", "load_suites"]


def load_suite(path: Path) -> Suite:
    """Reads `path` by its ending. Raises InputError with the place of what is wrong.

    A .jsonl or .csv file is called by its name and answered with up to 64 tokens a case; docs/suites.md
    tells what a .yaml file can say. Imports nothing heavy, runs no code and asks no server.
    """
    if path.suffix in (".jsonl", ".csv"):
        rules = SuiteRules(path.parent)
        return Suite(
            path.stem, path, _cases(file_drafts(path, free_keys=False), rules), DEFAULT_MAX_NEW_TOKENS
        )
    if path.suffix in (".yaml", ".yml"):
        return _load_yaml(path)
    raise InputError(
        str(path),
        f"a suite cannot end in '{path.suffix}', must end in .yaml, .jsonl or .csv",
        "Write its cases as JSON Lines",
    )


def load_suites(paths: Sequence[Path]) -> tuple[Suite, ...]:
    """Several suites. Raises InputError also where two have one name: MLflow could not tell them apart."""
    suites: dict[str, Suite] = {}
    for path in paths:
        suite = load_suite(path)
        if suite.name in suites:
            problem = f"the suite is called '{suite.name}', as {suites[suite.name].path} is"
            raise InputError(str(path), problem, "Give one of them another `name`")
        suites[suite.name] = suite
    return tuple(suites.values())


def _load_yaml(path: Path) -> Suite:
    file = read_yaml(path)
    if is_harness_file(file.data):
        return load_harness_suite(file)
    is_of_file = isinstance(file.data.get("cases"), str)
    written: Any = check(file, SuiteOfFile if is_of_file else SuiteWithCases, _may_be_null)
    rules = _rules(file, written)
    if is_of_file:
        drafts = file_drafts(path.parent / written.cases, free_keys=rules.has_templates)
    else:
        drafts = inline_drafts(file, written.cases)
    decode = written.decode
    return Suite(
        name=written.name,
        path=path,
        cases=_cases(drafts, rules),
        max_new_tokens=decode.max_new_tokens,
        temperature=decode.temperature,
        stop=tuple(decode.stop),
        seed=decode.seed,
        system=written.system,
    )


def _may_be_null(key_path: KeyPath) -> bool:
    """JSON's null may stand inside an assertion's value, where a schema or a field can mean it."""
    return "value" in key_path[:-1] and "assert" in key_path


def _rules(file: YamlFile, written: Any) -> SuiteRules:
    if written.prompts and written.messages:
        raise file.error(("messages",), "excludes prompts", "Keep one of the two")
    try:
        messages = suite_messages(written.messages) if written.messages else ()
    except BrokenRule as broken:
        problem = f"{dotted(broken.at)} {broken.problem}"
        raise InputError(file.place(broken.at, broken.at_key), problem, broken.fix) from None
    return SuiteRules(
        folder=file.path.parent,
        file=file,
        prompts=tuple(written.prompts or ()),
        messages=messages,
        variables=written.defaults.vars,
        assertions=tuple(getattr(written.defaults, "assert")),
        tags=tuple(written.defaults.tags),
        allow_code=written.allow_code,
    )


def _cases(drafts: Iterable[Draft], rules: SuiteRules) -> tuple[Case, ...]:
    """Cases in the file's order. A case without an id is called by its number, from 1."""
    places: dict[str, str] = {}
    cases: list[Case] = []
    for number, draft in enumerate(drafts, 1):
        for case in read_cases(draft, rules, default_id=f"case-{number}"):
            if case.id in places:
                problem = f"the id '{case.id}' stands here again, first at {places[case.id]}"
                raise InputError(draft.place, problem, "Give each case an id of its own")
            places[case.id] = draft.place
            cases.append(case)
    return tuple(cases)
