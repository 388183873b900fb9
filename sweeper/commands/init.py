"""`sweep init`: a space and suites to start from, fitted to a file of rows."""

import os
import re
from pathlib import Path

from sweeper.commands.program import program
from sweeper.commands.starter_files import FEWEST_ROWS, part, starter_files
from sweeper.data.load_rows import load_rows
from sweeper.data.rows import Row
from sweeper.errors import InputError
from sweeper.space.base import resolve_base
from sweeper.space.data_settings import DataSettings, RowFile


def init(rows_path: Path, model: str, name: str | None, folder: Path) -> None:
    """Writes NAME.yaml and what belongs to it into `folder`. Raises InputError, and writes nothing, where
    a file of that name is there, the rows are too few, or are not of instruction, input and output."""
    name = name or re.sub(r"[^A-Za-z0-9_-]+", "-", rows_path.stem).strip("-") or "my-sweep"
    resolve_base(model, folder)
    rows = _instruction_rows(rows_path)
    if len(rows) < FEWEST_ROWS:
        raise InputError(
            str(rows_path),
            f"has {len(rows)} rows, must have {FEWEST_ROWS} or more to be parted",
            "Add rows, or write the space by hand as docs/space.md tells",
        )
    files = starter_files(name, model, part(rows))
    taken = next((file for file in files if (folder / file).exists()), None)
    if taken is not None:
        raise InputError(
            str(folder / taken), "is there already", "Choose another name with --name, or another --folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
        print(f"  {os.path.relpath(folder / file)}")
    print(f"Look at the first of them, then:  {program()} check {os.path.relpath(folder / name)}.yaml")


def _instruction_rows(path: Path) -> list[Row]:
    found, _ = load_rows(DataSettings(RowFile(path)))
    rows = [row for row in found.rows if isinstance(row, Row)]
    if len(rows) < len(found.rows):
        raise InputError(
            str(path),
            f"its rows are of the format {found.format}, and only instruction, input and output are parted",
            "Write the space by hand as docs/space.md tells",
        )
    return rows
