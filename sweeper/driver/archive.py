"""Puts a sweep aside under another name, so that its own is free for a changed space."""

import os

from sweeper.home import Home
from sweeper.lock import held_lock
from sweeper.search.study import rename_study
from sweeper.tracking.archive import rename_experiment

_MAX_NAME_LENGTH = 100


def archive_sweep(home: Home, name: str) -> str | None:
    """Renames the sweep's folder, its Optuna study and its MLflow experiment; gives the new name.

    None where there is no such sweep. The folder goes last: cut short, the next call takes the same
    name and ends what was begun. Raises UnavailableError while the sweep runs.
    """
    folder = home.sweep(name)
    if not folder.path.exists():
        return None
    with held_lock(folder.lock, f"sweep {name!r}"):
        new_name = _free_name(home, name)
        rename_study(home, name, new_name)
        rename_experiment(home, name, new_name)
        os.rename(folder.path, home.sweep(new_name).path)
    return new_name


def _free_name(home: Home, name: str) -> str:
    number = 1
    while True:
        end = f"-archived-{number}"
        new_name = name[: _MAX_NAME_LENGTH - len(end)] + end
        if not home.sweep(new_name).path.exists():
            return new_name
        number += 1
