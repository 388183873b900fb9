"""`promote: {auto: true}`: the best trial goes into Ollama when its sweep has ended."""

from rich.console import Console

from sweeper.commands.live_names import connect
from sweeper.commands.program import program
from sweeper.errors import UnavailableError
from sweeper.home import Home
from sweeper.promote.history import is_live, read_reports
from sweeper.promote.quantizer import refuse_without_quantizer
from sweeper.report.progress import SweepProgress
from sweeper.space.space import Space


def announce_promotion(space: Space, console: Console) -> None:
    """Before the sweep: says so where there is no Ollama yet. It has until the end to come up.

    Raises InputError for a quantization that nothing here can make.
    """
    if not space.promote.auto:
        return
    refuse_without_quantizer(space.promote)
    try:
        connect(space.promote)
    except UnavailableError as error:
        console.print(f"promote.auto is true, and for now {error}", highlight=False, markup=False)


def promote_best(home: Home, space: Space, progress: SweepProgress, console: Console) -> None:
    """After the sweep: as `sweep promote NAME`, unless that trial is the one that was promoted last.

    Raises what promote raises; the sweep's own result stands.
    """
    if not space.promote.auto or progress.best is None:
        return
    from sweeper.commands.promote import PromoteOptions, promote

    live = [report for report in read_reports(home.sweep(space.name).promotions) if is_live(report)]
    last = (live[-1].get("lineage") or {}).get("trial") if live else None
    if last == progress.best.number:
        told = f"Trial {last} was promoted already. `{program()} promote {space.name}` does it again."
        console.print(told, highlight=False, markup=False)
        return
    console.print()
    promote(home, space.name, PromoteOptions())
