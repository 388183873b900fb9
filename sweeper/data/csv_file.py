"""Reads CSV: rows under a header line, in UTF-8."""

import csv
import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.data.records import Record
from sweeper.errors import InputError
from sweeper.space.text_file import read_text

if TYPE_CHECKING:
    from _csv import Reader

_SEPARATORS = ",;\t"


def csv_records(path: Path) -> Iterator[Record]:
    """Each row with the line in which it begins; every value is a text, and blank lines are skipped.

    The separator is the one of , ; and tab that stands most often in the header line. Raises InputError
    with file:line.
    """
    text = read_text(path)
    first_line = text.partition("\n")[0]
    csv.field_size_limit(sys.maxsize)  # the default refuses a text of more than 128 KiB
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(_SEPARATORS, key=first_line.count), strict=True
    )
    header = _header(path, next(_rows(path, reader), (1, []))[1])
    found = False
    for line, cells in _rows(path, reader):
        if cells:
            yield Record(f"{path}:{line}", line, _named(f"{path}:{line}", header, cells))
            found = True
    if not found:
        raise InputError(str(path), "the file has no rows under its header", "Write one row per line")


def _rows(path: Path, reader: "Reader") -> Iterator[tuple[int, list[str]]]:
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fix = "Put a text that holds quotes into quotes, and write each quote in it twice"
            raise InputError(f"{path}:{line}", f"this is not CSV ({error})", fix) from None


def _header(path: Path, cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    if not any(header):
        raise InputError(str(path), "the file has no header line", "Name the columns in its first line")
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}:1", f"the column {twice!r} stands twice", "Rename one of the two")
    return header


def _named(place: str, header: list[str], cells: list[str]) -> Mapping[str, str]:
    if len(cells) == len(header):
        return dict(zip(header, cells, strict=True))
    problem = f"this row has {len(cells)} cells, and the header has {len(header)}"
    raise InputError(place, problem, "Put a text that holds the separator into double quotes")
