"""Assertions that are rules: what is right, what is wrong, and what is told."""
# ruff: noqa: E501  # answers stand beside their assertion

from typing import Any

import pytest

from tests.scoring.assertions.verdicts import score_of, verdict_of


@pytest.mark.parametrize(
    ("kind", "value", "right", "wrong"),
    [
        ("equals", "yes ", ["yes", " yes\n"], ["Yes", "yes.", "", "yes yes"]),
        ("iequals", "Straße", ["STRASSE", "straße "], ["strase", ""]),
        ("contains", "b c", ["a b c d"], ["B C", "b  c"]),
        ("icontains", "ΟΔΟΣ", ["η οδος εδώ"], ["oδoς"]),
        ("contains-all", ["a", "b"], ["b a", "ab"], ["a", "b", ""]),
        ("contains-any", ["a", "b"], ["xa", "b"], ["c", ""]),
        ("starts-with", "Dear", ["Dear all", "\n Dear"], ["dear", "Oh Dear"]),
        ("regex", r"^\d{3}-\d{4}$", ["555-1234"], ["555-12345", "x555-1234"]),
        ("is-json", None, ["{}", " [1]\n", "null", '"a"'], ["", "{'a': 1}", "{} {}", "NaN", "[1,]", "```{}```"]),
        ("json-schema", {"type": "object", "required": ["a"]}, ['{"a": 1}'], ["{}", "[]", "no"]),
        ("json-schema", {"properties": {"a": {"pattern": "^x"}}}, ['{"a": "xy"}', "3"], ['{"a": "y"}']),
        ("length", {"max_words": 3, "min_characters": 2}, ["ab", "a b c"], ["a", "a b c d", ""]),
        ("length", {"max_lines": 2}, ["a\nb", "", "\n\na\n"], ["a\nb\nc"]),
        ("choice", {"options": ["A", "B"], "answer": "B"}, ["B", "B) blue", "The answer is B."], ["A", "A or B", "", "b", "Bad"]),
        ("choice", {"options": ["card", "card arrival"], "answer": "card arrival"}, ["Card Arrival", "It is: card arrival."], ["card", "cards"]),
        ("choice", {"options": ["yes", "no"], "answer": "no"}, ["No, thanks", "no"], ["not", "yes and no", "nobody"]),
    ],
)  # fmt: skip
def test_right_and_wrong(kind: str, value: Any, right: list[str], wrong: list[str]) -> None:
    assert {answer: score_of(kind, value, answer) for answer in right} == dict.fromkeys(right, 1.0)
    assert {answer: score_of(kind, value, answer) for answer in wrong} == dict.fromkeys(wrong, 0.0)


@pytest.mark.parametrize(
    ("answer", "last"),
    [
        ("18", 18.0), ("The answer is 18.", 18.0), ("#### 1,234.50", 1234.5), ("$-3", -3.0), ("10-3", 3.0),
        ("\N{MINUS SIGN}7 °C", -7.0), ("it is .5", 0.5), ("1e3", 1000.0), ("50%", 50.0), ("x2", None), ("none", None),
        ("答案是42。", 42.0), ("2 dogs, then 5cats", 5.0), ("1,2,3", 3.0), ("12. Done", 12.0), ("٣", 3.0),
        ("9" * 5000, float("inf")),
    ],
)  # fmt: skip
def test_the_last_number_of_an_answer(answer: str, last: float | None) -> None:
    from sweeper.scoring.assertions.number import last_number

    assert last_number(answer) == last


def test_numbers_with_and_without_tolerance() -> None:
    assert score_of("number", 0.3, f"about {0.1 + 0.2}") == 1
    assert score_of("number", 42, "42.01") == 0
    assert score_of("number", {"number": 42, "tolerance": 0.01}, "42.01") == 1
    assert score_of("number", {"number": 42, "tolerance": 0.01}, "42.02") == 0
    assert score_of("number", None, "So 18 dollars", expected="9 + 9 = 18\n#### 18") == 1
    assert verdict_of("number", 3, "It is 4 of them").reason == "the last number is 4, not 3"


def test_fields_count_one_by_one() -> None:
    wanted = {"a": 1, "b": {"c": [1, 2], "d": True}}
    assert score_of("json-fields", wanted, '{"b": {"d": true, "c": [1, 2]}, "a": 1.0, "more": 0}') == 1
    found = verdict_of("json-fields", wanted, '{"a": 1, "b": {"c": [2, 1], "d": 1}}')
    assert found.score == pytest.approx(1 / 3)
    assert found.reason == "1 of 3 fields right; wrong: b.c, b.d"
    assert score_of("json-fields", wanted, "[1]") == 0
    assert score_of("json-fields", None, '{"a": "x"}', expected='{"a": "x"}') == 1


def test_alike_is_a_share() -> None:
    assert score_of("similar", "card arrival", "card arrival ") == 1
    # Indel distance of "abcd" and "abXd": b..c and X differ, so 2 of 8 characters are edited.
    assert score_of("similar", "abcd", "abXd") == pytest.approx(0.75)
    assert score_of("similar", "abc", "") == 0
    # Lin 2004, section 3.1: "police kill the gunman" against "police killed the gunman".
    assert score_of("rouge-l", "police killed the gunman", "police kill the gunman") == pytest.approx(0.75)
    assert score_of("rouge-l", "a b", "!!") == 0
    assert score_of("rouge-l", "卡在哪里", "卡哪里") == pytest.approx(2 * 3 / 7)


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("I am sorry. " * 6, 0.0),
        ("ha " * 30, 0.0),
        ("a" * 500, 0.0),
        ("我不知道" * 30, 0.0),
        ("One. " + "two three four five " * 4 + "six.", 0.0),
        ("very very very very good", 1.0),
        ("Row 1: 0 0 0. Row 2: 0 0 0.", 1.0),
        (" ".join(map(str, range(200))), 1.0),
        ("", 1.0),
    ],
)
def test_loops(answer: str, score: float) -> None:
    assert score_of("no-repeat", None, answer) == score


def test_a_search_without_end_is_given_up() -> None:
    found = verdict_of("regex", r"^(a|aa)+$", "a" * 60 + "b")
    schema = {"pattern": r"^(a|aa)+$"}
    in_schema = verdict_of("json-schema", schema, '"' + "a" * 60 + 'b"')
    assert found.score == in_schema.score == 0
    assert found.reason == "'^(a|aa)+$' was still searching after 1 s"
    assert in_schema.reason == "a pattern of the schema was still searching after 1 s"


def test_a_schema_that_refers_to_itself_without_end() -> None:
    assert "cannot be applied: a $ref without end" in verdict_of("json-schema", {"$ref": "#"}, "1").reason
    nowhere = {"$ref": "#/$defs/gone"}
    assert "cannot be applied" in verdict_of("json-schema", nowhere, "1").reason


def test_deep_and_huge_json_is_told() -> None:
    assert "nested too deeply" in verdict_of("is-json", None, "[" * 100_000).reason
    assert "no JSON that can be read" in verdict_of("is-json", None, "1" * 10_000).reason
