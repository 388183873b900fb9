"""`sweep list`: the sweeps of this home and how far each has come."""

from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table

from sweeper.commands.sweeps import progress_of
from sweeper.home import Home
from sweeper.lock import lock_holder
from sweeper.report.objective import objective_text
from sweeper.report.text import score


def list_sweeps(home: Home) -> None:
    """One line a sweep, by name. A home without sweeps is no fault."""
    console = Console()
    names = home.sweep_names()
    if not names:
        console.print(f"No sweep was started in {home.mlruns}.", highlight=False)
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("sweep", "state", "finished", "best", "base", "last event"):
        table.add_column(column, justify="right" if column in ("finished", "best", "base") else "left")
    for name in names:
        folder = home.sweep(name)
        progress = progress_of(folder)
        table.add_row(
            name,
            "running" if lock_holder(folder.lock) else "not running",
            str(progress.finished_count),
            objective_text(progress, progress.best) if progress.best else "-",
            score(progress.base.score),
            datetime.fromtimestamp(folder.events.stat().st_mtime).strftime("%Y-%m-%d %H:%M"),
        )
    console.print(table)
