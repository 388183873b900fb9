"""`sweep best`: the best trial beside the base, and all others."""

import json

from rich.console import Console

from sweeper.commands.sweeps import find_sweep, progress_of
from sweeper.home import Home
from sweeper.report.as_json import as_json
from sweeper.report.table import end_table, reasons, trials_table


def best(home: Home, name: str, is_json: bool) -> None:
    """Reads events only, so it answers while the sweep runs. Raises InputError for an unknown sweep."""
    folder = find_sweep(home, name)
    progress = progress_of(folder)
    if is_json:
        print(json.dumps(as_json(progress, folder.path), indent=2, ensure_ascii=False))
        return
    console = Console()
    if progress.best is None:
        console.print(f"{name}: no trial is complete yet.")
    else:
        console.print(end_table(progress))
    if progress.trials:
        console.print(trials_table(progress))
        console.print(reasons(progress))
