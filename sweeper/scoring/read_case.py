"""From a case as it is written to the cases that are asked: one for each prompt of the suite."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.errors import InputError
from sweeper.scoring.assertions.kind import Context
from sweeper.scoring.case_sources import Draft
from sweeper.scoring.read_assertion import read_assertion
from sweeper.scoring.suite import Assertion, Case, Message
from sweeper.scoring.variables import render
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.wording import dotted
from sweeper.space.yaml_file import YamlFile


@dataclass(frozen=True, slots=True)
class SuiteRules:
    """What a suite says of all its cases. `file` is None for a bare file of cases."""

    folder: Path
    file: YamlFile | None = None
    prompts: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    variables: dict[str, Any] | None = None
    assertions: tuple[Any, ...] = ()
    tags: tuple[str, ...] = ()
    allow_code: bool = False

    @property
    def has_templates(self) -> bool:
        return bool(self.prompts or self.messages)


def read_cases(draft: Draft, rules: SuiteRules, default_id: str) -> list[Case]:
    """The cases that `draft` makes. Raises InputError with its place.

    Under several prompts each is a case of its own, with the prompt's number behind its id, and they
    are of one group: the same question asked again is no independent evidence.
    """
    try:
        return list(_read(draft, rules, default_id))
    except BrokenRule as broken:
        raise draft.error(broken) from None


def _read(draft: Draft, rules: SuiteRules, default_id: str) -> Iterator[Case]:
    record, case_id = draft.record, draft.record.id or default_id
    expected = _expected(record)
    variables = {**(rules.variables or {}), **_own_variables(record, expected)}
    context = Context(expected, rules.folder, rules.allow_code)
    assertions = (
        *_own_assertions(record, variables, context),
        *_default_assertions(draft, rules, case_id, variables, context),
    )
    tags = tuple(dict.fromkeys((*record.tags, *rules.tags)))
    asked = list(_asked(draft, rules, variables))
    several = len(asked) > 1
    for number, (instruction, text, messages) in enumerate(asked, 1):
        yield Case(
            id=f"{case_id}#{number}" if several else case_id,
            instruction=instruction,
            input=text,
            expected=expected,
            messages=messages,
            assertions=assertions,
            tags=tags,
            group=record.group or (case_id if several else None),
        )


def _own_variables(record: Any, expected: str) -> dict[str, Any]:
    texts = {"instruction": record.instruction, "input": record.input, "expected": expected or None}
    return {**{name: text for name, text in texts.items() if text is not None}, **record.vars}


def _own_assertions(record: Any, variables: dict[str, Any], context: Context) -> Iterator[Assertion]:
    for index, each in enumerate(getattr(record, "assert")):
        try:
            yield read_assertion(each, variables, context)
        except BrokenRule as broken:
            raise broken.under("assert", index) from None


def _default_assertions(
    draft: Draft, rules: SuiteRules, case_id: str, variables: dict[str, Any], context: Context
) -> Iterator[Assertion]:
    """Those of the suite's defaults. What is wrong with one is told at its own place, with the case."""
    for index, each in enumerate(rules.assertions):
        try:
            yield read_assertion(each, variables, context)
        except BrokenRule as broken:
            assert rules.file is not None, "defaults come from a suite file"
            at = ("defaults", "assert", index, *broken.at)
            problem = f"{dotted(at)} {broken.problem} (case '{case_id}', {draft.place})"
            raise InputError(rules.file.place(at, broken.at_key), problem, broken.fix) from None


def _asked(
    draft: Draft, rules: SuiteRules, variables: dict[str, Any]
) -> Iterator[tuple[str, str, tuple[Message, ...]]]:
    """Instruction, input and messages of each way in which the case is asked."""
    record = draft.record
    if record.messages is not None:
        if record.instruction is not None or record.input is not None:
            raise BrokenRule(
                "excludes instruction and input", "Keep one of the two", ("messages",), at_key=True
            )
        yield "", "", _rendered(suite_messages(record.messages), variables, ("messages",))
    elif rules.messages:
        yield "", "", _of_suite(draft, rules, lambda: _rendered(rules.messages, variables, ("messages",)))
    elif rules.prompts:
        for index, prompt in enumerate(rules.prompts):
            text = _of_suite(draft, rules, lambda: _prompt(prompt, variables, index))  # noqa: B023
            yield text, "", ()
    else:
        has_variables = bool(record.vars or rules.variables)
        yield _shorthand(record, variables if has_variables else {})


def _of_suite(draft: Draft, rules: SuiteRules, rendered: Any) -> Any:
    """What a prompt of the suite gives; a variable that the case lacks is the case's fault."""
    try:
        return rendered()
    except BrokenRule as broken:
        at = dotted(broken.at)
        raise BrokenRule(f"does not fit {at}: it {broken.problem}", broken.fix) from None


def _prompt(prompt: str, variables: dict[str, Any], index: int) -> str:
    try:
        text = render(prompt, variables)
    except BrokenRule as broken:
        raise broken.under("prompts", index) from None
    if not text.strip():
        raise BrokenRule("is empty when rendered", "Write what the model reads", ("prompts", index))
    return text


def _rendered(
    messages: tuple[Message, ...], variables: dict[str, Any], at: tuple[str, ...]
) -> tuple[Message, ...]:
    rendered = []
    for index, message in enumerate(messages):
        try:
            content = render(message.content, variables)
        except BrokenRule as broken:
            raise broken.under(*at, index, "content") from None
        if not content.strip():
            raise BrokenRule("is empty", "Write what is said", (*at, index, "content"))
        rendered.append(Message(message.role, content))
    return tuple(rendered)


def _messages(records: list[Any]) -> tuple[Message, ...]:
    return tuple(Message(record.role, record.content) for record in records)


def suite_messages(records: list[Any]) -> tuple[Message, ...]:
    """A chat that ends with the user's turn, for that is what a model answers. Raises BrokenRule."""
    messages = _messages(records)
    last = len(messages) - 1
    for index, message in enumerate(messages):
        if message.role == "system" and index > 0:
            raise BrokenRule("is 'system', must stand first", "Move it up", ("messages", index, "role"))
    if messages[last].role != "user":
        problem = f"is {messages[last].role!r}, and the last message must be the user's"
        fix = "Put the wanted answer under `expected`"
        raise BrokenRule(problem, fix, ("messages", last, "role"))
    return messages


def _shorthand(record: Any, variables: dict[str, Any]) -> tuple[str, str, tuple[Message, ...]]:
    """Instruction and input; braces in them are plain text where there are no variables."""
    if record.instruction is None:
        raise BrokenRule("has no `instruction`", 'Add `instruction: "..."`, or `messages`')
    texts = {"instruction": record.instruction, "input": record.input or ""}
    if variables:
        texts = {name: _rendered_at(name, text, variables) for name, text in texts.items()}
    if not any(text.strip() for text in texts.values()):
        raise BrokenRule("has an empty `instruction` and `input`", "Write what the model reads")
    return texts["instruction"], texts["input"], ()


def _rendered_at(name: str, text: str, variables: dict[str, Any]) -> str:
    try:
        return render(text, variables)
    except BrokenRule as broken:
        raise broken.under(name) from None


def _expected(record: Any) -> str:
    """What stands under `expected`, or under `output` in its place; "" where nothing is expected."""
    given = [key for key in ("expected", "output") if getattr(record, key) is not None]
    if len(given) == 2:
        raise BrokenRule("and 'expected' mean the same", "Remove one of the two", ("output",), at_key=True)
    if not given:
        return ""
    expected = str(getattr(record, given[0]))
    if not expected.strip():
        raise BrokenRule("is empty, and no answer can be right", "Write the right answer", (given[0],))
    return expected
