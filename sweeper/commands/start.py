"""`sweep start`: runs a sweep or goes on with it, and shows what came out."""

from pathlib import Path

from rich.console import Console

from sweeper.commands.auto_promote import announce_promotion, promote_best
from sweeper.commands.overlap import guard_against_overlap
from sweeper.commands.program import program
from sweeper.commands.smoke import end_smoke, smoke_home, smoke_space
from sweeper.data.load_rows import load_rows
from sweeper.data.template import custom_template
from sweeper.errors import Interrupted
from sweeper.home import Home
from sweeper.models.quiet import quiet_libraries
from sweeper.report.comparison import verdict
from sweeper.report.live import LiveView
from sweeper.report.progress import SweepProgress
from sweeper.report.table import end_table, reasons, trials_table
from sweeper.scoring.preflight import ready_suites
from sweeper.scoring.space_suites import SpaceSuites
from sweeper.space.load import load_space
from sweeper.space.parameters import Constant
from sweeper.space.space import Space


def start(
    home: Home, space_path: Path, in_process: bool, is_fresh: bool = False, is_smoke: bool = False
) -> None:
    """Everything that can be refused without the model is refused before anything heavy is imported.

    A smoke run is begun anew each time, in a home of its own.
    """
    quiet_libraries()
    space = load_space(space_path)
    if is_smoke:
        home, space, is_fresh = smoke_home(home), smoke_space(space), True
    suites = ready_suites(space)
    custom_template(space.data)
    rows, _ = load_rows(space.data)
    console = Console()
    for note in space.notes:
        console.print(note, highlight=False)
    if not is_smoke:
        announce_promotion(space, console)
    guard_against_overlap(space, rows, suites, console)
    if is_fresh:
        _put_aside(home, space, console)
    progress = _run(home, space, suites, in_process, console)
    if is_smoke:
        end_smoke(console, progress, home, space)
    else:
        _show_end(console, progress, space)
        promote_best(home, space, progress, console)


def _put_aside(home: Home, space: Space, console: Console) -> None:
    from sweeper.driver import archive_sweep

    archived = archive_sweep(home, space.name)
    if archived is not None:
        console.print(f"The earlier sweep {space.name} is now {archived}.", highlight=False)


def _run(home: Home, space: Space, suites: SpaceSuites, in_process: bool, console: Console) -> SweepProgress:
    """Runs to the end. Raises Interrupted on Ctrl-C, which says how to go on."""
    from sweeper.driver import run_sweep
    from sweeper.workers.in_process import InProcessWorker
    from sweeper.workers.spawned import SpawnedWorker

    searched = [name for name, value in space.parameters.items() if not isinstance(value, Constant)]
    try:
        with LiveView(_nothing_yet(space), searched, console) as view:
            make_worker = InProcessWorker if in_process else SpawnedWorker
            run_sweep(home, space, make_worker, view, 1 if in_process else None, suites)
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped. Finished trials are kept; `{program()} start {space.path}` goes on"
        ) from None
    return view.progress


def _nothing_yet(space: Space) -> SweepProgress:
    """Before the first event: what there is to do."""
    from sweeper.search.halving import expected_share

    rungs = tuple(float(rung) for rung in space.search.pruner.rungs)
    share = expected_share(space.search.pruner, space.search.trials)
    is_grid = space.search.sampler == "grid"
    return SweepProgress(space.name, space.search.trials, rungs, share, counts_turned_away=is_grid)


def _show_end(console: Console, progress: SweepProgress, space: Space) -> None:
    if progress.best is None:
        console.print(trials_table(progress))
        console.print(reasons(progress))
        console.print("No trial is complete.")
        return
    console.print(end_table(progress))
    console.print(verdict(progress, has_test=space.test is not None))
    asked = f"{space.search.trials} trials are finished."
    console.print(f"{asked} For more, raise search.trials and start again.\n", highlight=False)
    for command, what in (
        (f"best {space.name}", "all trials"),
        ("ui", "compare them in MLflow"),
        (f"promote {space.name}", "put the best one into Ollama"),
    ):
        console.print(f"  {program()} {command:<24} {what}", highlight=False)
