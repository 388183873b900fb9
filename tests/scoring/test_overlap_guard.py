"""Every format of training rows is held against the cases."""

from pathlib import Path

import pytest

from sweeper.data.load_rows import RowSet
from sweeper.data.rows import Chat, Message, Row, Text, TrainingRow
from sweeper.errors import InputError
from sweeper.scoring.overlap_guard import in_words, refuse_test_overlap, suite_overlaps
from sweeper.scoring.suite import Assertion, Case, Suite
from sweeper.scoring.suite import Message as Turn

QUESTION, ANSWER = "Which tram goes from the station to the harbour", "Line 4"
LONG = f"{QUESTION} on a Sunday evening in winter, and do I have to change on the way there?"


def chat(*contents: str) -> Chat:
    roles = ["user", "assistant"] * len(contents)
    return Chat(tuple(Message(role, content) for role, content in zip(roles, contents, strict=False)))


def rows(*planted: TrainingRow, counts_lines: bool = True) -> RowSet:
    numbers = tuple(range(11, 11 + len(planted)))
    return RowSet("train.jsonl", counts_lines, "chat", numbers, planted)


def suite(*cases: Case) -> Suite:
    return Suite("held-out", Path("held-out.yaml"), cases, 8)


ASKED = suite(Case("a", "", f"{QUESTION}?", ANSWER), Case("b", "", "Where do I buy a ticket", "At the kiosk"))


@pytest.mark.parametrize(
    "planted",
    [
        Row("", QUESTION.upper(), ANSWER),
        chat(QUESTION, ANSWER),
        chat("Good morning, I am new here", "Welcome", QUESTION, ANSWER),
        Chat((Message("system", "Be brief."), Message("user", QUESTION), Message("assistant", ANSWER))),
    ],
)
def test_rows_and_chats(planted: TrainingRow) -> None:
    [found] = suite_overlaps(rows(chat("Do dogs ride free?", "Small ones do"), planted), ASKED)
    assert (found.kind, found.case.name, found.row.name) == ("same", "case 'a'", "line 12")


@pytest.mark.parametrize(
    "case",
    [
        Case("a", "", "", ANSWER, messages=(Turn("system", "Be kind."), Turn("user", QUESTION))),
        Case("a", "", QUESTION, "", assertions=(Assertion("contains", ANSWER),)),
        Case("a", "", QUESTION, "", assertions=(Assertion("json-fields", {"line": 4}),)),
    ],
)
def test_cases_of_chats_and_of_assertions(case: Case) -> None:
    planted = Row("", QUESTION, '{"line": 4}' if case.checks[0].type == "json-fields" else ANSWER)
    [found] = suite_overlaps(rows(planted), suite(case))
    assert found.kind == "same"
    near = Row("", f"{QUESTION} now", planted.output)
    assert [each.kind for each in suite_overlaps(rows(near), suite(case))] == ["few changed"]
    other = Row("", f"{QUESTION} now", "Line 9, and then a boat")
    assert suite_overlaps(rows(other), suite(case)) == []


def test_texts_by_thirteen_words_in_a_row() -> None:
    planted = rows(Text(f"User: {LONG}\nAssistant: {ANSWER}"), counts_lines=False)
    [found] = suite_overlaps(planted, suite(Case("a", "", LONG, ANSWER)))
    assert (found.kind, found.row.name) == ("13 words", "row 11")


def test_nothing_is_refused_where_nothing_overlaps() -> None:
    assert suite_overlaps(rows(chat("Do dogs ride free?", "Small ones do")), ASKED) == []
    refuse_test_overlap(ASKED, [])


def test_the_error_counts_by_kind() -> None:
    found = suite_overlaps(
        rows(chat(QUESTION, ANSWER), Row("", "Where can I buy a ticket", "At the kiosk")), ASKED
    )
    told = (
        "2 of 2 cases stand among the training rows: "
        "1 the same, 1 with a few words changed and the same answer"
    )
    assert in_words(ASKED, found) == told
    with pytest.raises(InputError, match=r"the worst is case 'a' beside line 11\. Take those rows out"):
        refuse_test_overlap(ASKED, found)
