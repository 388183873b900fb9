"""`sweep status`: where a sweep stands, as its own live view shows it."""

from rich.console import Console

from sweeper.commands.program import program
from sweeper.commands.sweeps import find_sweep, progress_of
from sweeper.home import Home
from sweeper.lock import lock_holder
from sweeper.report.live import snapshot
from sweeper.report.text import varying


def status(home: Home, name: str) -> None:
    """Reads events only: it may be asked from another terminal while the sweep runs."""
    folder = find_sweep(home, name)
    progress = progress_of(folder)
    console = Console()
    differing = varying(trial.config for trial in progress.trials.values() if trial.config)
    console.print(snapshot(progress, differing))
    holder = lock_holder(folder.lock)
    if holder:
        console.print(f"Running as process {holder}.  {program()} stop {name} ends it.", highlight=False)
    else:
        again = f"{program()} start {folder.recorded_space_path()}"
        console.print(f"Not running.  {again} goes on.", highlight=False)
