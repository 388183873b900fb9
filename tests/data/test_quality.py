"""The data report finds each oddity where it is, and none in good rows."""

import random
import time
from typing import Any

import pytest

from sweeper.data.cut_rows import CutCount
from sweeper.data.encode import EncodedRow
from sweeper.data.encode_rows import EncodedRows
from sweeper.data.load_rows import RowSet
from sweeper.data.quality import DataReport, Finding, Lengths, examine
from sweeper.data.rows import Chat, Message, Row, Text, TrainingRow


def row_set(*rows: TrainingRow) -> RowSet:
    return RowSet("rows.jsonl", True, "instruction", tuple(range(1, len(rows) + 1)), rows)


def encoded(*lengths: int, prompt: int = 1) -> EncodedRows:
    rows = tuple(EncodedRow((7,) * length, prompt) for length in lengths)
    return EncodedRows(rows, tuple(range(len(rows))))


def report(*rows: TrainingRow, **options: Any) -> DataReport:
    return examine(row_set(*rows), encoded(*[5] * len(rows)), [], **options)


def found(*rows: TrainingRow, **options: Any) -> dict[str, tuple[int, list[tuple[int, ...]]]]:
    """Oddity to its count and the rows named, worst first."""
    return {
        finding.oddity: (finding.count, [example.indices for example in finding.examples])
        for finding in report(*rows, **options).findings
    }


GOOD: list[TrainingRow] = [
    Row("Classify", "a", "x"),
    Row("Classify", "b", "x"),
    Row(
        "Übersetze: «Où est l\u2019été\u00a0?»",
        "ÉTÉ\u00a0! Â Ã — São, ПРИВЕТ, 日本語, 🙂",
        "naïve\tcafé\r\n…",
    ),
    Chat((Message("user", "a"), Message("assistant", "x"), Message("user", "b"), Message("assistant", "y"))),
    Chat((Message("user", "a"), Message("assistant", "z"), Message("user", "b"), Message("assistant", "y"))),
    Text(" text may begin and end as it likes\n"),
]


def test_good_rows_have_no_findings() -> None:
    assert found(*GOOD) == {}


def test_lengths_and_cuts() -> None:
    rows = row_set(*(Row("a", str(n), "b") for n in range(101)))
    made = examine(rows, encoded(*range(10, 111), prompt=8), [8, 50, 110])
    assert made.lengths == Lengths(shortest=10, median=60, p95=105, longest=110)
    assert made.cuts == (CutCount(8, 0, 101), CutCount(50, 60, 0), CutCount(110, 0, 0))


def test_rows_that_stand_again_are_named_together_most_copies_first() -> None:
    a, b, c = (Row("say", word, word) for word in "abc")
    assert found(a, b, c, a, b, a) == {"repeated": (3, [(0, 3, 5), (1, 4)])}


def test_the_same_question_with_other_answers() -> None:
    rows = [Row("say", "a", answer) for answer in ("x", "y", "x", "z")]
    assert found(*rows)["contradicting"] == (4, [(0, 1, 3)])
    assert "contradicting" not in found(rows[0], rows[2])
    chats = [Chat((Message("user", "a"), Message("assistant", word))) for word in "xy"]
    assert found(*chats) == {"contradicting": (2, [(0, 1)])}


def test_a_validation_row_that_is_trained() -> None:
    held = row_set(Row("say", "b", "b"))
    assert found(Row("say", "a", "a"), Row("say", "b", "b"), validation=held) == {
        "validated and trained": (1, [(1,)])
    }


def wrongly_decoded(text: str) -> str:
    return text.encode().decode("cp1252", "ignore")


@pytest.mark.parametrize(
    "text", ["é", "à propos", "it\u2019s", "“yes”", "Привет", "日本", "🙂", "5 €", "\u00a0x"]
)
def test_utf8_read_as_windows_1252_is_seen(text: str) -> None:
    assert "mojibake" not in found(Row("a", text, "b"))
    assert found(Row("a", wrongly_decoded(f"so {text} it is"), "b")) == {"mojibake": (1, [(0,)])}


@pytest.mark.parametrize(
    ("text", "oddity"),
    [
        ("caf\ufffd", "replacement character"),
        ("a\x00b", "control character"),
        ("a\x1b[31mb", "control character"),
        ("a\x85b", "control character"),
        ("a\ufeffb", "byte order mark"),
    ],
)
def test_signs_that_do_not_belong_in_a_text(text: str, oddity: str) -> None:
    assert found(Row("good", "", "x"), Row("a", text, "b")) == {oddity: (1, [(1,)])}
    assert found(Text(text)) == {oddity: (1, [(0,)])}
    assert found(Chat((Message("user", text), Message("assistant", "b")))) == {oddity: (1, [(0,)])}


def test_the_worst_come_first_and_three_are_named() -> None:
    rows = [Row("say", str(n), "x" + "\ufffd" * n) for n in range(6)]
    [finding] = report(*rows).findings
    assert (finding.oddity, finding.count) == ("replacement character", 5)
    assert [example.indices for example in finding.examples] == [(5,), (4,), (3,)]
    assert finding.examples[0].excerpt == "...say\n5\nx" + "\ufffd" * 5 or finding.examples[0].excerpt == (
        "say\n5\nx" + "\ufffd" * 5
    )


def test_white_space_around_an_answer_and_turns_without_text() -> None:
    odd = Chat(
        (
            Message("user", " "),
            Message("assistant", "fine"),
            Message("user", "b"),
            Message("assistant", "x \n"),
        )
    )
    assert found(Row("a", " b ", "x"), odd) == {"outer white space": (1, [(1,)]), "empty turn": (1, [(1,)])}


def test_a_hundred_thousand_rows_take_seconds() -> None:
    draw = random.Random(0)
    words = ["card", "où", "été", "lost", "payment", "“quoted”", "transfer", "\n"]
    rows = [
        Row("Name the intent of this message.", " ".join(draw.choices(words, k=40)), draw.choice(words[3:5]))
        for _ in range(100_000)
    ]
    ids = encoded(*[60] * len(rows))
    start = time.process_time()
    made = examine(row_set(*rows), ids, [32, 64])
    seconds = time.process_time() - start
    print(f"100,000 rows in {seconds:.1f} s")
    assert made.cuts[0].shortened == 100_000
    assert seconds < 12  # two here; twelve where other work shares the core


def test_findings_name_no_more_than_they_count() -> None:
    made: Finding = report(Row("a", "", "x "), Row("b", "", " y")).findings[0]
    assert (made.count, len(made.examples)) == (2, 2)
