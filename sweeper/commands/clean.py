"""`sweep clean`: frees the disk that a finished sweep does not need any more."""

import shutil
from pathlib import Path

from sweeper.commands.sweeps import find_sweep, progress_of
from sweeper.errors import InputError
from sweeper.home import Home, SweepFolder
from sweeper.lock import held_lock
from sweeper.promote.work_dir import large_files
from sweeper.report.progress import SweepProgress
from sweeper.space.memory_size import size


def clean(home: Home, name: str, keep: int, is_dry_run: bool) -> None:
    """Removes the adapters of all but the `keep` best trials, checkpoints of ended trials, the large
    files of promotions, and tokenised rows, of all sweeps: the next start makes them anew. MLflow's
    copies, events and scores stay.

    Raises InputError for a negative `keep`, UnavailableError while the sweep runs.
    """
    if keep < 1:
        raise InputError("--keep", f"is {keep}, must be at least 1", "Write --keep 3")
    folder = find_sweep(home, name)
    with held_lock(folder.lock, f"sweep {name!r}"):
        paths = removable(progress_of(folder), folder, keep)
        paths += [home.token_cache] if home.token_cache.exists() else []
        removed = [(path, bytes_of(path)) for path in paths]
        for path, _ in removed:
            if not is_dry_run:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    done = "would be freed" if is_dry_run else "freed"
    for path, number in removed:
        shown = path.relative_to(folder.path if path.is_relative_to(folder.path) else home.mlruns)
        print(f"  {size(number):>9}  {shown}")
    print(f"{size(sum(number for _, number in removed))} {done}; the {keep} best adapters are kept.")


def removable(progress: SweepProgress, folder: SweepFolder, keep: int) -> list[Path]:
    """What can go, each path existing. Adapters of trials that did not complete are no use to anybody."""
    kept = {trial.number for trial in progress.ranked[:keep]}
    ended = [trial.number for trial in progress.trials.values() if trial.is_finished]
    paths = [folder.trial(number) / "adapter" for number in ended if number not in kept]
    paths += [folder.trial(number) / "checkpoint" for number in ended]
    paths += large_files(folder.promotions / "work")
    return [path for path in paths if path.exists()]


def bytes_of(path: Path) -> int:
    """Of a file, or of all files under a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
