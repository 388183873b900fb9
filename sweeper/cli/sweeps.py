"""Commands that run a sweep, stop it and clean up after it."""

from typing import Annotated

import typer

from sweeper.cli.app import SpaceFile, SweepName, app, home_of


@app.command()
def start(
    context: typer.Context,
    space: SpaceFile,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="Train in this process, for a debugger.")
    ] = False,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="One short trial through every stage, kept apart.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew; an earlier sweep of this name is put aside.")
    ] = False,
) -> None:
    """Run a sweep, or go on with it. It may be stopped at any time and started again."""
    from sweeper.commands.start import start

    start(home_of(context), space, in_process, fresh, smoke)


@app.command()
def stop(context: typer.Context, name: SweepName) -> None:
    """Stop a running sweep in good order, as Ctrl-C in its own terminal does."""
    from sweeper.commands.stop import stop

    stop(home_of(context), name)


@app.command()
def clean(
    context: typer.Context,
    name: SweepName,
    keep: Annotated[int, typer.Option(help="How many of the best adapters stay.")] = 3,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would go, and remove nothing.")
    ] = False,
) -> None:
    """Remove adapters of all but the best trials, old checkpoints and files of promotions."""
    from sweeper.commands.clean import clean

    clean(home_of(context), name, keep, dry_run)
