"""`sweep start`: runs a sweep or goes on with it, and shows what came out."""

from pathlib import Path

from sweeper.errors import Interrupted
from sweeper.home import Home
from sweeper.space.load import load_space


def start(home: Home, space_path: Path, in_process: bool) -> None:
    """Everything that can be refused without the model is refused before anything heavy is imported."""
    from sweeper.scoring.load_suite import load_suite

    space = load_space(space_path)
    for suite in (space.dev, space.test):
        if suite is not None:
            load_suite(suite)

    from sweeper.driver import run_sweep
    from sweeper.report.live import LiveView
    from sweeper.workers.spawned import SpawnedWorker

    make_worker = SpawnedWorker
    if in_process:
        from sweeper.workers.in_process import InProcessWorker as make_worker  # type: ignore[assignment]
    try:
        with LiveView(space.name, space.search.trials) as view:
            run_sweep(home, space, make_worker, view)
    except KeyboardInterrupt:
        raise Interrupted(f"stopped. Finished trials are kept; `sweep start {space_path}` goes on") from None
