"""Finds a sweep by its name, for the commands that look at one or use one."""

from sweeper.errors import InputError
from sweeper.event_log import EventLog
from sweeper.home import Home, SweepFolder
from sweeper.report.progress import SweepProgress, replay
from sweeper.space.load import load_space
from sweeper.space.space import Space
from sweeper.space.suggest import did_you_mean


def find_sweep(home: Home, name: str) -> SweepFolder:
    """The folder of a sweep that was started. Raises InputError where there is none of that name."""
    names = home.sweep_names()
    if name in names:
        return home.sweep(name)
    if not names:
        raise InputError(
            f"sweep {name!r}",
            f"no sweep was started in {home.mlruns}",
            "Start one with `sweep start SPACE`, or give its folder with --home",
        )
    known = f"Sweeps here: {', '.join(names)}"
    raise InputError(
        f"sweep {name!r}", f"there is none of this name in {home.mlruns}", did_you_mean(name, names, known)
    )


def progress_of(folder: SweepFolder) -> SweepProgress:
    """How far the sweep has come, by its events. May be called while it runs."""
    events = (event for _, event in EventLog(folder.events).read())
    return replay(SweepProgress(folder.path.name), events)


def space_of(folder: SweepFolder) -> Space:
    """The space file that the sweep was last started with, as it is now.

    Raises InputError where the file is gone, or is now about another sweep.
    """
    name, path = folder.path.name, folder.recorded_space_path()
    if not path.is_file():
        raise InputError(
            str(path),
            f"the space file of sweep {name!r} is gone",
            f"Put it back; as it was at the last start it is kept in {folder.space}",
        )
    space = load_space(path)
    if space.name != name:
        raise InputError(
            str(path),
            f"this file of sweep {name!r} is now named {space.name!r}",
            f"Put the name back, or use {space.name!r}",
        )
    return space
