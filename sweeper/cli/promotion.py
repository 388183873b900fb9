"""Commands that put a trial into Ollama and look at what is there."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.app import OllamaName, SweepName, app, home_of


@app.command()
def promote(
    context: typer.Context,
    name: SweepName,
    trial: Annotated[int | None, typer.Option(help="The trial to promote. [default: the best]")] = None,
    ollama_name: OllamaName = None,
    quantization: Annotated[
        list[str] | None,
        typer.Option(
            help="f16, q8_0, q4_K_M, q4_K_S, or what llama.cpp makes (q6_K, q5_K_M, iq4_xs, ...); several "
            "by commas. [default: promote.quantization]"
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(help="merged, or adapter: beside a base that models share. [default: promote.form]"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Make and prove all, and leave the live name as it is.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Replace a model that sweeper did not make.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Promote where the gate says no. The report keeps it.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(help="Folder for the .gguf, a Modelfile, a model card and the report.")
    ] = None,
    converter: Annotated[
        Path | None,
        typer.Option(
            help="Your own llama.cpp checkout, in place of the pinned converter and of other quantisers."
        ),
    ] = None,
) -> None:
    """Merge a trial, convert it, prove it in Ollama and give it its name there."""
    from sweeper.commands.promote import PromoteOptions, promote

    options = PromoteOptions(trial, ollama_name, quantization, converter, export, dry_run, yes, force, form)
    promote(home_of(context), name, options)


@app.command()
def rollback(context: typer.Context, name: SweepName, ollama_name: OllamaName = None) -> None:
    """Give a promoted name its last model back. The one that leaves is kept."""
    from sweeper.commands.rollback import rollback

    rollback(home_of(context), name, ollama_name)


@app.command()
def history(
    context: typer.Context,
    name: SweepName,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")] = False,
) -> None:
    """Show what was promoted: trial, data, adapter, file, digest and scores."""
    from sweeper.commands.history import history

    history(home_of(context), name, as_json)


@app.command()
def chat(
    context: typer.Context,
    name: SweepName,
    trial: Annotated[
        int | None, typer.Option(help="Talk to this trial and to the base, without Ollama.")
    ] = None,
    ollama_name: OllamaName = None,
) -> None:
    """Talk to the promoted model in Ollama, or to a trial beside its base."""
    from sweeper.commands.chat import chat

    chat(home_of(context), name, trial, ollama_name)


@app.command()
def doctor(host: Annotated[str | None, typer.Option(help="[default: OLLAMA_HOST]")] = None) -> None:
    """Look at Ollama: is it there, which version, how much room, and what can be proven with it."""
    from sweeper.commands.doctor import doctor

    doctor(host)
