"""`sweep best`: the best trial beside the base, and all others."""

import json

from rich.console import Console

from sweeper.commands.look import answering, look_at_test
from sweeper.commands.sweeps import find_sweep, progress_of, space_of
from sweeper.errors import InputError
from sweeper.home import Home, SweepFolder
from sweeper.models.quiet import quiet_libraries
from sweeper.report.as_json import as_json, json_of_test
from sweeper.report.comparison import verdict
from sweeper.report.progress import SweepProgress
from sweeper.report.table import end_table, reasons, trials_table
from sweeper.scoring.looks import read_looks
from sweeper.scoring.preflight import refuse_unscored
from sweeper.scoring.space_suites import space_suites


def best(home: Home, name: str, is_json: bool, on_test: bool = False) -> None:
    """Reads events only, so it answers while the sweep runs; `on_test` loads the base and looks at test.

    Raises InputError for an unknown sweep, and for a look at test where there is nothing to look with.
    """
    folder = find_sweep(home, name)
    progress = progress_of(folder)
    if on_test:
        _look_at_test(folder, progress)
    looks = read_looks(folder.test_looks)
    if is_json:
        found = {**as_json(progress, folder.path), "test": json_of_test(looks)}
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    console = Console()
    if progress.best is None:
        console.print(f"{name}: no trial is complete yet.")
    else:
        console.print(end_table(progress))
        console.print(verdict(progress, looks, bool(looks) or _has_test(folder)))
    if progress.trials:
        console.print(trials_table(progress))
        console.print(reasons(progress))


def _has_test(folder: SweepFolder) -> bool:
    """By the space file as it is now; one that cannot be read any more may have had a test suite."""
    try:
        return space_of(folder).test is not None
    except InputError:
        return True


def _look_at_test(folder: SweepFolder, progress: SweepProgress) -> None:
    if progress.best is None:
        fix = "Let `sweep start` finish one first"
        raise InputError(f"sweep {progress.name!r}", "no trial is complete yet", fix)
    space = space_of(folder)
    if space.test is None:
        raise InputError(str(space.path), "there is no evaluation.test to look at", "Name a suite there")
    suite = space_suites(space).test
    assert suite is not None, "a space that names one has one"
    refuse_unscored(suite)
    quiet_libraries()
    look_at_test(folder, progress.best.number, suite, "best", answering(space, folder, progress.best))
