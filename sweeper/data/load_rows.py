"""From the data settings of a space to the rows that are trained on, and those that are held out."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sweeper.data.formats import READERS, format_of
from sweeper.data.records import Record
from sweeper.data.rows import TrainingRow
from sweeper.data.sources import counts_lines, read_records
from sweeper.errors import InputError
from sweeper.space.data_settings import (
    DataSettings,
    FormatName,
    HeldOutShare,
    RowFile,
    RowSource,
    TrainOn,
)


@dataclass(frozen=True, slots=True)
class RowSet:
    """Rows in the order of their source. `numbers` are their lines there, or their indices.

    `counts_lines` says which; `rows` and `numbers` are of one length.
    """

    source: str
    counts_lines: bool
    format: FormatName
    numbers: tuple[int, ...]
    rows: tuple[TrainingRow, ...]

    def place(self, index: int) -> str:
        """Where row `index` of this set stands, as errors name it."""
        number = self.numbers[index]
        return f"{self.source}:{number}" if self.counts_lines else f"{self.source}, row {number}"

    def only(self, indices: Sequence[int]) -> "RowSet":
        """The rows of these indices, in this order."""
        numbers = tuple(self.numbers[index] for index in indices)
        rows = tuple(self.rows[index] for index in indices)
        return RowSet(self.source, self.counts_lines, self.format, numbers, rows)


def load_rows(settings: DataSettings) -> tuple[RowSet, RowSet | None]:
    """The rows to train on, and those to validate on or None: no row is in both where a share is held out.

    Raises InputError with the place of the first bad row, UnavailableError where the hub is away.
    """
    train = read_row_set(settings.train, settings.format, settings.limit)
    _refuse_completion_of_text(settings, train)
    match settings.validation:
        case None:
            return train, None
        case HeldOutShare() as held_out:
            return _parted(train, held_out)
        case source:
            return train, read_row_set(source, train.format)


def read_rows(path: Path) -> tuple[TrainingRow, ...]:
    """All rows of a file; their format is told by the first. Raises InputError as `load_rows`."""
    return read_row_set(RowFile(path)).rows


def read_row_set(source: RowSource, format: FormatName | None = None, limit: int | None = None) -> RowSet:
    """The first `limit` rows of `source`, all of one format: `format`, or what the first row tells.

    What stands behind the limit is not looked at.
    """
    numbers, rows, told = [], [], format
    for record in islice(read_records(source), limit):
        if format is None:
            told = _same_format(record, told)
        assert told is not None, "the first record tells it"
        rows.append(READERS[told](record))
        numbers.append(record.number)
    assert told is not None, "a source without records is refused by its reader"
    return RowSet(str(source), counts_lines(source), told, tuple(numbers), tuple(rows))


def train_on(settings: DataSettings, format: FormatName) -> TrainOn:
    """What of a row is trained where the space file leaves it open."""
    return settings.train_on or ("all" if format == "text" else "completion")


def _same_format(record: Record, before: FormatName | None) -> FormatName:
    told = format_of(record)
    if before is None or told == before:
        return told
    problem = f"this row is of the format {told}, and those before it are of {before}"
    raise InputError(record.place, problem, "Keep one format in a source")


def _refuse_completion_of_text(settings: DataSettings, train: RowSet) -> None:
    if train.format == "text" and settings.train_on == "completion":
        problem = "data.train_on is 'completion', but these are rows of text, which have none"
        raise InputError(train.source, problem, "Write `train_on: all`, or remove the line")


def _parted(rows: RowSet, held_out: HeldOutShare) -> tuple[RowSet, RowSet]:
    """Draws the share by its seed. A row that stands several times goes to one side with all its copies."""
    copies: dict[TrainingRow, list[int]] = {}
    for index, row in enumerate(rows.rows):
        copies.setdefault(row, []).append(index)
    groups = list(copies.values())
    if len(groups) < 2:
        problem = f"a share cannot be held out of {len(groups)} different row"
        raise InputError(rows.source, problem, "Remove data.validation, or add rows")
    random.Random(f"validation/{held_out.seed}").shuffle(groups)
    wanted = held_out.share * len(rows.rows)
    taken, count = 0, 0
    while taken < len(groups) - 1 and (taken == 0 or count + len(groups[taken]) / 2 <= wanted):
        count += len(groups[taken])
        taken += 1
    held, kept = (sorted(i for group in part for i in group) for part in (groups[:taken], groups[taken:]))
    return rows.only(kept), rows.only(held)
