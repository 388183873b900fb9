"""The data report in lines to read."""

from sweeper.data.encode import EncodedRow
from sweeper.data.encode_rows import EncodedRows
from sweeper.data.load_rows import RowSet
from sweeper.data.quality import _PATTERNS, Oddity, examine
from sweeper.data.rows import Row
from sweeper.report.data_lines import _WORDS, data_lines

ROWS = [
    Row("say", "a", "x"),
    Row("say", "a", "x"),
    Row("say", "a", "y"),
    Row("say", "b", " x\x1b[31m"),
]


def lines(counts_lines: bool = True, validation: bool = False) -> list[str]:
    rows = RowSet("rows.jsonl", counts_lines, "instruction", (1, 2, 4, 9), tuple(ROWS))
    held = RowSet("held.jsonl", True, "instruction", (1,), (ROWS[0],)) if validation else None
    ids = tuple(EncodedRow((7,) * length, 4) for length in (5, 1200, 20, 30, 30))
    return data_lines(examine(rows, EncodedRows(ids, (0, 1, 2, 3, 3)), [4, 24, 2000], held))


def test_all_that_there_is_to_say() -> None:
    assert lines() == [
        "4 rows of the format instruction.",
        "A row has 5 to 1,200 tokens, half of them at most 30 and 95 % at most 1,200.",
        "max_seq_length 4 cuts 0 rows and leaves out 5 that keep nothing to learn.",
        "max_seq_length 24 cuts 3 rows.",
        "The chat template changes earlier turns: one row for each answer was made of 1 row.",
        "Repeated word for word: 1 row (lines 1, 2).",
        "The same question with other answers: 3 rows (lines 1, 4).",
        "White space around an answer, which is learned with it: 1 row (line 9: ' x\\x1b[31m').",
        "Control characters: 1 row (line 9: 'say\\nb\\n x\\x1b[31m').",
    ]


def test_rows_of_parquet_are_called_rows() -> None:
    assert "(rows 1, 2)." in lines(counts_lines=False)[5]


def test_validation_rows_are_counted_and_found_again() -> None:
    told = lines(validation=True)
    assert told[0] == "4 rows of the format instruction, 1 more to validate on."
    assert "Trained, and a validation row too: 2 rows (line 1; line 2)." in told


def test_every_oddity_has_its_words() -> None:
    assert set(_WORDS) == set(Oddity.__args__)  # type: ignore[attr-defined]
    assert set(_PATTERNS) < set(_WORDS)
