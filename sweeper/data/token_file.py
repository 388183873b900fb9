"""Encoded rows in a file that is read where it lies, so that any number of workers hold its pages once."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sweeper.data.encode import EncodedRow
from sweeper.data.lazy_rows import LazyRows


class MappedRows(LazyRows):
    """The rows of one Arrow record batch, from `read_token_file`."""

    def __init__(self, batch: Any) -> None:
        ids, gaps = batch.column("input_ids"), batch.column("untrained")
        self._ids, self._id_ends = ids.values.to_numpy(), ids.offsets.to_numpy()
        self._gaps, self._gap_ends = gaps.values.to_numpy(), gaps.offsets.to_numpy()
        self._prompt_lengths = batch.column("prompt_length").to_numpy()

    def __len__(self) -> int:
        return len(self._prompt_lengths)

    def _row(self, at: int) -> EncodedRow:
        ids = self._ids[self._id_ends[at] : self._id_ends[at + 1]].tolist()
        gaps = self._gaps[self._gap_ends[at] : self._gap_ends[at + 1]].tolist()
        pairs = tuple(zip(gaps[::2], gaps[1::2], strict=True))
        return EncodedRow(tuple(ids), int(self._prompt_lengths[at]), pairs)


def read_token_file(path: Path) -> MappedRows | None:
    """The rows that `write_token_file` put there; None where there is no such file, or no whole one.

    Not covered: a file that was changed and still is a whole one.
    """
    import pyarrow

    try:
        reader = pyarrow.ipc.open_file(pyarrow.memory_map(str(path)))
        if reader.num_record_batches != 1:
            return None
        batch = reader.get_batch(0)
        batch.validate(full=True)
        return MappedRows(batch)
    except (pyarrow.ArrowException, OSError, KeyError):
        return None


def write_token_file(path: Path, rows: Iterable[EncodedRow]) -> None:
    """Puts `rows` under `path`, whole or not at all, whoever else does so meanwhile. Raises OSError."""
    import pyarrow

    made = list(rows)
    gaps = [[at for gap in row.untrained for at in gap] for row in made]
    numbers = pyarrow.large_list(pyarrow.int32())
    batch = pyarrow.RecordBatch.from_pydict(
        {
            "input_ids": pyarrow.array([row.input_ids for row in made], numbers),
            "prompt_length": pyarrow.array([row.prompt_length for row in made], pyarrow.int32()),
            "untrained": pyarrow.array(gaps, numbers),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, writing = tempfile.mkstemp(dir=path.parent, prefix="writing-")
    try:
        with os.fdopen(descriptor, "wb") as file, pyarrow.ipc.new_file(file, batch.schema) as writer:
            writer.write_batch(batch)
        os.replace(writing, path)
    finally:
        Path(writing).unlink(missing_ok=True)
