"""No answer whatever breaks an assertion, and each gives a score from 0 to 1 with a reason of one line."""

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sweeper.scoring.assertions.registry import ASSERTIONS
from sweeper.scoring.transforms import TRANSFORMS
from sweeper.scoring.visible import one_line, visible
from tests.scoring.assertions.verdicts import verdict_of

VALUES: dict[str, Any] = {
    "equals": "a",
    "iequals": "İ",
    "contains": "a",
    "icontains": "ß",
    "contains-all": ["a", "b"],
    "contains-any": ["a", "b"],
    "starts-with": "a",
    "regex": r"(a|b)+$",
    "is-json": None,
    "json-schema": {"type": "object", "properties": {"a": {"multipleOf": 0.01}}, "uniqueItems": True},
    "json-fields": {"a": 1, "b": {"c": [1.5]}},
    "number": 4,
    "choice": {"options": ["a", "b c"], "answer": "a"},
    "similar": "abc",
    "rouge-l": "a b c",
    "length": {"max_words": 3, "min_lines": 1},
    "no-repeat": None,
}
ANSWERS = st.one_of(
    st.text(st.characters(codec=None), max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        ),
    ).map(lambda value: __import__("json").dumps(value)),
    st.text("0123456789.,-eE+% ", max_size=60),
)


def test_every_assertion_but_those_that_act_is_tried_here() -> None:
    assert set(VALUES) == set(ASSERTIONS) - {"python", "judge", "target_loss"}


@pytest.mark.parametrize("kind", list(VALUES))
@settings(max_examples=25, deadline=None)
@example("")
@example("\x00\x1b[2J\u202e\ud800\uffff")
@example("1e999999999 -1e-999 10e5000")
@example('{"a": 1e400}')
@example('{"a": 1' + "0" * 400 + "}")
@example("0" * 100_000)
@example("word " * 50_000)
@given(answer=ANSWERS)
def test_any_answer_has_a_score(kind: str, answer: str) -> None:
    found = verdict_of(kind, VALUES[kind], answer)
    assert 0 <= found.score <= 1
    assert math.isfinite(found.score)
    assert found.reason
    assert "\n" not in found.reason
    assert len(found.reason) < 1000


@pytest.mark.parametrize("name", list(TRANSFORMS))
@settings(max_examples=25, deadline=None)
@given(answer=ANSWERS)
def test_any_answer_can_be_transformed(name: str, answer: str) -> None:
    assert isinstance(TRANSFORMS[name](answer), str)


def test_transforms() -> None:
    fenced = 'Sure:\n```json\n{"a": [1]}\n```\nDone.'
    assert TRANSFORMS["code-block"](fenced) == '{"a": [1]}'
    assert TRANSFORMS["json-block"](fenced) == '{"a": [1]}'
    assert TRANSFORMS["json-block"]('It is {"a": 1}, I think.') == '{"a": 1}'
    assert TRANSFORMS["json-block"]("none") == "none"
    assert TRANSFORMS["first-line"]("\n \none\ntwo") == "one"
    assert TRANSFORMS["last-line"]("one\ntwo\n\n") == "two"
    assert TRANSFORMS["without-end-mark"](' "Paris". ') == "Paris"
    assert TRANSFORMS["one-line"](" a\n  b ") == "a b"


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec=None)))
def test_what_is_shown_cannot_steer(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert not any(ord(sign) < 32 and sign not in "\n\t" for sign in shown)
    assert not set(shown) & set("\x7f\x9b\u202e\u2066\u2028")
    assert len(one_line(text, 20)) <= 20


def test_scripts_stay_as_they_are() -> None:
    for text in (
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "👩\u200d👩\u200d👧",
        "किं",
        "日本語\nテキスト",
        "café\t1",
    ):
        assert visible(text) == text
    assert visible("\x1b[31mred\x00") == "\\x1b[31mred\\x00"
    assert one_line("a\nb", 10) == "a↵b"
