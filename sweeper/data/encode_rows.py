"""All rows of a source as token ids, in batches, with the row that each came from."""

import collections
from dataclasses import dataclass

from jinja2 import TemplateError

from sweeper.data.encode import EncodedRow, encode_pieces, encode_texts
from sweeper.data.load_rows import RowSet
from sweeper.data.render import Piece, pieces_of
from sweeper.data.rows import Text
from sweeper.data.template import Template
from sweeper.errors import InputError
from sweeper.space.data_settings import TrainOn

_BATCH = 1000
"""Rows that are tokenised in one call, which spreads them over the cores."""


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """`origins[i]` is the index of the row that `rows[i]` was made of: a chat may have made several.

    A row that has no label at all (a text of one token) has made none.
    """

    rows: tuple[EncodedRow, ...]
    origins: tuple[int, ...]

    @property
    def split_count(self) -> int:
        """Chats that the template needed apart: each of their answers became a row."""
        return sum(count > 1 for count in collections.Counter(self.origins).values())


def encode_rows(rows: RowSet, template: Template, train_on: TrainOn = "completion") -> EncodedRows:
    """All of `rows`, with labels where `train_on` says.

    Raises InputError with the row's place where the chat template refuses it, or where no row has a label.
    """
    encoded: list[tuple[int, EncodedRow]] = []
    for start in range(0, len(rows.rows), _BATCH):
        batch = range(start, min(start + _BATCH, len(rows.rows)))
        encoded += _encoded(rows, batch, template, train_on)
    labelled = [(origin, row) for origin, row in encoded if row.label_count]
    if not labelled:
        raise InputError(rows.source, "no row has anything to train on", "Add rows of more than one token")
    return EncodedRows(tuple(row for _, row in labelled), tuple(origin for origin, _ in labelled))


def _encoded(
    rows: RowSet, batch: range, template: Template, train_on: TrainOn
) -> list[tuple[int, EncodedRow]]:
    if rows.format == "text":
        texts = [row.text for row in (rows.rows[index] for index in batch) if isinstance(row, Text)]
        return list(zip(batch, encode_texts(texts, template), strict=True))
    rendered = [(index, pieces) for index in batch for pieces in _rendered(rows, index, template, train_on)]
    made = encode_pieces([pieces for _, pieces in rendered], template)
    return [(index, row) for (index, _), row in zip(rendered, made, strict=True)]


def _rendered(rows: RowSet, index: int, template: Template, train_on: TrainOn) -> list[list[Piece]]:
    try:
        return pieces_of(rows.rows[index], template, train_on)
    except TemplateError as error:
        problem = f"the chat template refuses this row ({_first_line(error)})"
        fix = "Change its turns, or name another template under data.template"
        raise InputError(rows.place(index), problem, fix) from None


def _first_line(error: TemplateError) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".!")
