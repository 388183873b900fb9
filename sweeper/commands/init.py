"""`sweep init`: a space and suites to start from, fitted to a file of rows."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from sweeper.commands.program import program
from sweeper.commands.starter_files import FEWEST_ROWS, part, questions, starter_files
from sweeper.commands.starter_rows import StarterRow, starter_row
from sweeper.data.load_rows import load_rows
from sweeper.errors import InputError
from sweeper.space.base import resolve_base
from sweeper.space.data_settings import DataSettings, RowFile


def init(rows_path: Path, model: str, name: str | None, folder: Path) -> None:
    """Writes NAME.yaml and what belongs to it into `folder`. Raises InputError, and writes nothing, where
    a file of that name is there, or the rows are too few or ask too little that differs. Rows of every
    format, and files of every ending, that a space can train on."""
    name = name or re.sub(r"[^A-Za-z0-9_-]+", "-", rows_path.stem).strip("-") or "my-sweep"
    resolve_base(model, folder)
    found, _ = load_rows(DataSettings(RowFile(rows_path)))
    rows = [starter_row(row, found.format) for row in found.rows]
    _refuse_few(rows_path, rows)
    files = starter_files(name, model, part(rows), found.format)
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


def _refuse_few(path: Path, rows: Sequence[StarterRow]) -> None:
    fix = "Add rows, or write the space by hand as docs/space.md tells"
    if len(rows) < FEWEST_ROWS:
        problem = f"has {len(rows)} rows, must have {FEWEST_ROWS} or more to be parted"
        raise InputError(str(path), problem, fix)
    if questions(rows) < FEWEST_ROWS:
        problem = f"asks {questions(rows)} different things, must ask {FEWEST_ROWS} or more to be parted"
        raise InputError(str(path), problem, fix)
