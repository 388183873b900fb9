"""Expressions have the values that Python gives them, and nothing else in a text is ever run."""

import ast
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.expression import Expression, NotComputableError
from sweeper.space.read_expression import KINDS, NUMBER, read_condition, read_expression
from sweeper.space.trial_config import DEFAULTS

VALUES: dict[str, Any] = {
    **DEFAULTS,
    "max_steps": 7,
    "save_steps": 3,
    "logging_steps": 2,
    "eval_steps": 4,
    "lora_rank": 16,
}
VALUES |= {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}
VALUES |= {"max_seq_length": 64, "learning_rate": 0.5}  # eight of these, multiplied, stay below the limit

FUNCTIONS = {"min": min, "max": max, "round": round, "abs": abs, "sqrt": math.sqrt, "log2": math.log2}
NUMERIC = sorted(name for name, kind in KINDS.items() if kind == NUMBER)

leaves = st.sampled_from(NUMERIC) | st.integers(0, 50).map(str) | st.sampled_from(["0.25", "1.5", "7e0"])


def larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(parts, st.sampled_from(["+", "-", "*", "/", "//", "%", "**"]), parts)
    calls = st.tuples(st.sampled_from(["sqrt", "log2", "abs", "round"]), parts)
    return st.one_of(
        pair.map(lambda drawn: f"({drawn[0]} {drawn[1]} {drawn[2]})"),
        calls.map(lambda drawn: f"{drawn[0]}({drawn[1]})"),
        st.tuples(parts, parts).map(lambda drawn: f"max({drawn[0]}, min({drawn[1]}, {drawn[0]}))"),
        st.tuples(parts, parts, parts).map(lambda drawn: f"({drawn[0]} if {drawn[1]} < 9 else {drawn[2]})"),
        parts.map(lambda part: f"-{part}"),
    )


numbers = st.recursive(leaves, larger, max_leaves=8)
comparisons = st.tuples(numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers).map(" ".join)
conditions = st.recursive(
    comparisons | st.just("use_rslora") | st.just("lr_scheduler_type == 'linear'"),
    lambda parts: (
        st.tuples(parts, st.sampled_from(["and", "or"]), parts).map(lambda d: f"({' '.join(d)})")
        | parts.map(lambda part: f"not ({part})")
    ),
    max_leaves=4,
)


def by_python(text: str) -> Any:
    """What Python makes of it: the instrument that shares nothing with ours."""
    return eval(text, {"__builtins__": {}}, {**FUNCTIONS, **VALUES})


def has_no_value(text: str) -> bool:
    try:
        by_python(text)
    except (ArithmeticError, ValueError):
        return True
    return False


@settings(max_examples=300, deadline=None)
@given(numbers.filter(lambda text: len(text) <= 200))
@example("2 ** -3")
@example("-lora_rank ** 2")
@example("7 // 2 * 2 % 3")
def test_numbers_are_those_of_python(text: str) -> None:
    try:
        found = read_expression("lora_alpha", text).value(VALUES)
    except NotComputableError:
        assert "**" in text or has_no_value(text)  # a power may exceed our bounds on the way
        return
    assert found == by_python(text)


@settings(max_examples=200, deadline=None)
@given(conditions.filter(lambda text: len(text) <= 300))
@example("8 <= lora_rank < 32")
@example("lora_rank in [8, 16] and lora_rank not in (1, 2)")
@example("True and not False")
def test_conditions_are_those_of_python(text: str) -> None:
    try:
        found = read_condition(text).value(VALUES)
    except NotComputableError:
        return  # the numbers in it are the test above's
    assert found is bool(by_python(text))


@pytest.mark.parametrize(
    ("text", "modules", "value"),
    [
        ("target_modules == 'all-linear'", ("all-linear",), True),
        ("target_modules != 'all-linear'", ("q_proj",), True),
        ("target_modules == ['q_proj', 'v_proj']", ("q_proj", "v_proj"), True),
        ("'q_proj' in target_modules", ("q_proj", "v_proj"), True),
        ("'q_proj' in target_modules", ("all-linear",), False),
        ("'all' in target_modules", ("all-linear",), False),
        ("'k_proj' not in target_modules", ("q_proj", "v_proj"), True),
        ("true or lora_rank / 0 > 1", ("q_proj",), True),
    ],
)
def test_modules_are_compared_as_they_are_written(text: str, modules: tuple[str, ...], value: bool) -> None:
    assert read_condition(text).value({**VALUES, "target_modules": modules}) is value


@pytest.mark.parametrize(
    "text",
    ["9 ** 64 ** 1", "1 / 0", "2 ** 65", "lora_rank ** lora_rank ** 2", "10 ** 18 * 10", "(0 - 8) ** 0.5"],
)
def test_what_has_no_value_or_takes_long_is_told(text: str) -> None:
    with pytest.raises(NotComputableError):
        read_expression("lora_alpha", text).value(VALUES)


ALLOWED = {
    *("Constant", "Name", "Load", "List", "Tuple", "BinOp", "UnaryOp", "BoolOp", "Compare", "IfExp", "Call"),
    *("Add", "Sub", "Mult", "Div", "FloorDiv", "Mod", "Pow", "UAdd", "USub", "Not", "And", "Or"),
    *("Eq", "NotEq", "Lt", "LtE", "Gt", "GtE", "In", "NotIn"),
}

_watched: list[str] | None = None


_DEEDS = ("exec", "open", "import", "os", "subprocess", "socket")


def _watch(event: str, _: tuple[Any, ...]) -> None:
    if _watched is not None and event.split(".")[0] in _DEEDS:
        _watched.append(event)


sys.addaudithook(_watch)


@contextmanager
def watched() -> Iterator[list[str]]:
    """The interpreter's own record of what is run, imported or opened inside."""
    global _watched
    events: list[str] = []
    _watched = events
    try:
        yield events
    finally:
        _watched = None


def test_the_watch_sees_what_it_is_to_see() -> None:
    with watched() as events:
        eval("1 + 1")
    assert events == ["exec"]


words = st.sampled_from(
    [
        *("lora_rank", "lr_scheduler_type", "use_rslora", "min", "max", "2", "1e9", "'a'", "true", "None"),
        *("(", ")", "[", "]", "{", "}", ",", ".", ":", ":=", "=", "==", "<", "**", "-", "~", "@", "*", "..."),
        *("not ", "if ", "else ", "and ", "in ", "is ", "for x in ", "lambda ", "await ", "yield ", "b'a'"),
        *("__import__('os').system('false')", "().__class__", "open('/etc/passwd')", "exec('1')", "print(1)"),
        *("\\", "\n", "\0", "#", ";", "import os", "globals()", "lora_rank.real", "max(*[1, 2])", "1j"),
        *("f'{open(1)}'", "\N{FULLWIDTH LATIN SMALL LETTER M}ax", "é"),
    ]
)
soup = st.lists(words | st.text(max_size=3), max_size=8).map("".join) | conditions | numbers


@settings(max_examples=500, deadline=None)
@given(soup)
@example("(" * 390)
@example("-" * 390 + "1")
@example("1" * 390)
@example("[" * 100 + "]" * 100)
@example("not " * 90 + "true")
@example("a." * 190 + "a")
def test_no_text_runs_anything_or_ends_in_a_traceback(text: str) -> None:
    with watched() as events:
        outcome = outcome_of(text)
    assert events == []
    if isinstance(outcome, Expression):
        assert {type(node).__name__ for node in ast.walk(outcome.tree)} <= ALLOWED
        assert outcome.names <= set(KINDS)
    else:
        assert str(outcome).isprintable()


def outcome_of(text: str) -> Expression | BrokenRule:
    """Reads a condition and computes it; a condition without a value is as good as one with."""
    try:
        expression = read_condition(text)
    except BrokenRule as broken:
        return broken
    with suppress(NotComputableError):
        expression.value(VALUES)
    return expression


def test_equal_texts_are_equal_expressions() -> None:
    first, second = read_condition("lora_rank > 8"), read_condition("lora_rank > 8")
    assert first == second
    assert hash(first) == hash(second)
    assert isinstance(first, Expression)
