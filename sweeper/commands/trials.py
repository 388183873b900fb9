"""`sweep trials`: all trials of a sweep as a table, as CSV or as JSON."""

import sys

from rich.console import Console

from sweeper.commands.sweeps import find_sweep, progress_of
from sweeper.errors import InputError
from sweeper.home import Home
from sweeper.report.trial_frame import frame_table, trial_frame
from sweeper.space.suggest import did_you_mean


def trials(home: Home, name: str, sort: str | None, descending: bool, as_csv: bool, is_json: bool) -> None:
    """Raises InputError for an unknown sweep or column, and where both CSV and JSON are asked for."""
    if as_csv and is_json:
        raise InputError("--csv and --json", "they exclude each other", "Give one of them")
    frame = trial_frame(progress_of(find_sweep(home, name)))
    if sort is not None:
        columns = [str(column) for column in frame.columns]
        if sort not in columns:
            known = f"Columns: {', '.join(columns)}"
            raise InputError(f"--sort {sort}", "there is no such column", did_you_mean(sort, columns, known))
        frame = frame.sort_values(sort, ascending=not descending, kind="stable", na_position="last")
    if as_csv:
        frame.to_csv(sys.stdout, index=False)
    elif is_json:
        print(frame.to_json(orient="records", indent=2, force_ascii=False))
    else:
        Console().print(frame_table(frame))
