"""Rows cut to a trial's max_seq_length, and what that does to them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.data.encode import EncodedRow
from sweeper.data.lazy_rows import LazyRows


class CutRows(LazyRows):
    """`rows` cut to `max_seq_length` tokens; those that keep no trained token are left out."""

    def __init__(self, rows: Sequence[EncodedRow], max_seq_length: int) -> None:
        self._rows, self._length = rows, max_seq_length
        self._kept = [at for at, row in enumerate(rows) if row.prompt_length < max_seq_length]

    def __len__(self) -> int:
        return len(self._kept)

    def _row(self, at: int) -> EncodedRow:
        return self._rows[self._kept[at]].cut(self._length)


def cut_rows(rows: Sequence[EncodedRow], max_seq_length: int) -> tuple[EncodedRow, ...]:
    """All of `CutRows`, made."""
    return tuple(CutRows(rows, max_seq_length))


@dataclass(frozen=True, slots=True)
class CutCount:
    """What a max_seq_length does to rows: `dropped` ones keep no trained token, `shortened` ones some."""

    max_seq_length: int
    shortened: int
    dropped: int


def count_cuts(rows: Sequence[EncodedRow], max_seq_length: int) -> CutCount:
    """How many of `rows` are cut or dropped by `cut_rows`."""
    dropped = sum(row.prompt_length >= max_seq_length for row in rows)
    longer = sum(len(row.input_ids) > max_seq_length for row in rows)
    return CutCount(max_seq_length, longer - dropped, dropped)
