"""Reads records from files and data sets, each with the place that an error about it would name."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from sweeper.data.csv_file import csv_records
from sweeper.data.hub import hub_records
from sweeper.data.json_array import array_records
from sweeper.data.jsonl import read_jsonl_objects
from sweeper.data.records import Record
from sweeper.errors import InputError
from sweeper.space.data_settings import HubSet, RowSource
from sweeper.space.text_file import read_text


def read_records(source: RowSource) -> Iterator[Record]:
    """The rows of `source` in its order, one at a time. Raises InputError at the first that is none.

    Files are read by their ending. JSON and CSV rows have the line in which they begin (from 1) as
    their number, rows of Parquet files and data sets their index (from 0).
    """
    if isinstance(source, HubSet):
        return hub_records(source)
    return _READERS.get(source.path.suffix.lower(), _jsonl)(source.path)


def counts_lines(source: RowSource) -> bool:
    """Whether the numbers of its records are lines."""
    return not isinstance(source, HubSet) and source.path.suffix.lower() != ".parquet"


def _jsonl(path: Path) -> Iterator[Record]:
    for number, values in read_jsonl_objects(path):
        yield Record(f"{path}:{number}", number, values)


def _json(path: Path) -> Iterator[Record]:
    """An array; a file that begins otherwise is read as JSON Lines, which often end in .json too."""
    text = read_text(path)
    return array_records(path, text) if text.lstrip().startswith("[") else _jsonl(path)


def _parquet(path: Path) -> Iterator[Record]:
    import pyarrow
    from pyarrow import parquet

    number = 0
    try:
        for batch in parquet.ParquetFile(path).iter_batches():
            for values in batch.to_pylist():
                yield Record(f"{path}, row {number}", number, values)
                number += 1
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(str(path), f"this is no Parquet file ({reason})", "Write it again") from None
    if number == 0:
        raise InputError(str(path), "the file has no rows", "Name a file that has some")


_READERS: Mapping[str, Callable[[Path], Iterator[Record]]] = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".json": _json,
    ".csv": csv_records,
    ".tsv": csv_records,
    ".parquet": _parquet,
}
"""By a file's ending."""
