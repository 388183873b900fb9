"""Commands that show what came out."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.app import SweepName, app, home_of


@app.command(name="list")
def list_(context: typer.Context) -> None:
    """Show the sweeps kept here."""
    from sweeper.commands.list import list_sweeps

    list_sweeps(home_of(context))


@app.command()
def status(context: typer.Context, name: SweepName) -> None:
    """Show where a sweep stands, while it runs or afterwards."""
    from sweeper.commands.status import status

    status(home_of(context), name)


@app.command()
def best(
    context: typer.Context,
    name: SweepName,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    test: Annotated[
        bool, typer.Option("--test", help="Have base and best trial answer evaluation.test; it is counted.")
    ] = False,
) -> None:
    """Show the best trial of a sweep beside the base model, and all others."""
    from sweeper.commands.best import best

    best(home_of(context), name, as_json, test)


@app.command()
def trials(
    context: typer.Context,
    name: SweepName,
    sort: Annotated[
        str | None, typer.Option(help="The column to sort by. [default: the trial's number]")
    ] = None,
    descending: Annotated[bool, typer.Option("--desc", help="Highest first.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, every column.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, every column.")] = False,
) -> None:
    """Show all trials of a sweep with what differs between them."""
    from sweeper.commands.trials import trials

    trials(home_of(context), name, sort, descending, as_csv, as_json)


@app.command()
def score(
    context: typer.Context,
    suite: Annotated[Path, typer.Argument(help="The suite (.yaml, .jsonl or .csv); see docs/suites.md.")],
    model: Annotated[str | None, typer.Option(help="A base model, as in a space file.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="A PEFT adapter's folder, on top of --model.")] = None,
    ollama: Annotated[str | None, typer.Option(help="A model in Ollama, in place of --model.")] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="Compare with: a base model, an adapter, ollama:NAME, or `base` (--model alone)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Ask a suite of any model, and compare models case by case."""
    from sweeper.commands.score import score

    score(home_of(context), suite, model, adapter, ollama, against or [], as_json)


@app.command()
def ui(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Where MLflow listens; the next free one if taken.")] = 5000,
) -> None:
    """Open MLflow's own UI on the sweeps kept here."""
    from sweeper.commands.ui import ui

    ui(home_of(context), port)
