"""The command line: names, options and help texts. What a command does stands in commands/."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sweeper.errors import SweepError
from sweeper.home import Home, find_home

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find the best LoRA fine-tune of a language model, and put it into Ollama, proven.",
)

SpaceFile = Annotated[Path, typer.Argument(help="The space file (YAML); see docs/space.md.")]
SweepName = Annotated[str, typer.Argument(help="The sweep's name, as in its space file.")]


@app.callback()
def options(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(
            envvar="SWEEPER_HOME",
            help="Folder that holds mlruns/. [default: the nearest parent that has one, else here]",
        ),
    ] = None,
) -> None:
    context.obj = find_home(home)


@app.command()
def init(
    rows: Annotated[Path, typer.Argument(help="Your rows: instruction, input and output.")],
    model: Annotated[str, typer.Argument(help="The model to tune: a hub id, a folder or a .gguf file.")],
    name: Annotated[str | None, typer.Option(help="The sweep's name. [default: the file's]")] = None,
    folder: Annotated[Path, typer.Option(help="Where the files go.")] = Path(),
) -> None:
    """Write a space and suites to start from, fitted to your rows."""
    from sweeper.commands.init import init

    init(rows, model, name, folder)


@app.command()
def check(context: typer.Context, space: SpaceFile) -> None:
    """Validate a space without training, and show a row as the model sees it."""
    from sweeper.commands.check import check

    check(space)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a space file: `sweep schema > space.schema.json`, for an editor."""
    from sweeper.commands.schema import schema

    schema()


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

    start(_home(context), space, in_process, fresh, smoke)


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

    best(_home(context), name, as_json, test)


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

    trials(_home(context), name, sort, descending, as_csv, as_json)


@app.command(name="list")
def list_(context: typer.Context) -> None:
    """Show the sweeps kept here."""
    from sweeper.commands.list import list_sweeps

    list_sweeps(_home(context))


@app.command()
def status(context: typer.Context, name: SweepName) -> None:
    """Show where a sweep stands, while it runs or afterwards."""
    from sweeper.commands.status import status

    status(_home(context), name)


@app.command()
def stop(context: typer.Context, name: SweepName) -> None:
    """Stop a running sweep in good order, as Ctrl-C in its own terminal does."""
    from sweeper.commands.stop import stop

    stop(_home(context), name)


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

    clean(_home(context), name, keep, dry_run)


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

    score(_home(context), suite, model, adapter, ollama, against or [], as_json)


@app.command()
def ui(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Where MLflow listens; the next free one if taken.")] = 5000,
) -> None:
    """Open MLflow's own UI on the sweeps kept here."""
    from sweeper.commands.ui import ui

    ui(_home(context), port)


OllamaName = Annotated[
    str | None, typer.Option("--name", help="Model name in Ollama. [default: promote.name]")
]


@app.command()
def promote(
    context: typer.Context,
    name: SweepName,
    trial: Annotated[int | None, typer.Option(help="The trial to promote. [default: the best]")] = None,
    ollama_name: OllamaName = None,
    quantization: Annotated[
        list[str] | None,
        typer.Option(help="f16, q8_0, q4_K_M or q4_K_S; several by commas. [default: promote.quantization]"),
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
        Path | None, typer.Option(help="Your own llama.cpp checkout, in place of the pinned converter.")
    ] = None,
) -> None:
    """Merge a trial, convert it, prove it in Ollama and give it its name there."""
    from sweeper.commands.promote import PromoteOptions, promote

    options = PromoteOptions(trial, ollama_name, quantization, converter, export, dry_run, yes, force)
    promote(_home(context), name, options)


@app.command()
def rollback(context: typer.Context, name: SweepName, ollama_name: OllamaName = None) -> None:
    """Give a promoted name its last model back. The one that leaves is kept."""
    from sweeper.commands.rollback import rollback

    rollback(_home(context), name, ollama_name)


@app.command()
def history(
    context: typer.Context,
    name: SweepName,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")] = False,
) -> None:
    """Show what was promoted: trial, data, adapter, file, digest and scores."""
    from sweeper.commands.history import history

    history(_home(context), name, as_json)


@app.command()
def fit(
    model: Annotated[
        str, typer.Argument(help="Hub id, folder with a config.json, or .gguf; no weights needed.")
    ],
    gpu: Annotated[str, typer.Option(help="A GPU's name (rtx-4090, a10g, ...) or a size: 24GB, 24GiB.")],
    quantization: Annotated[str, typer.Option(help="none or nf4.")] = "none",
    dtype: Annotated[str, typer.Option(help="bfloat16, float16 or float32.")] = "bfloat16",
    rank: Annotated[str, typer.Option(help="LoRA ranks.")] = "8,16,32,64",
    batch: Annotated[str, typer.Option(help="Micro-batches.")] = "1,2,4,8",
    seq: Annotated[str, typer.Option(help="Row lengths in tokens.")] = "512,1024,2048,4096",
    checkpointing: Annotated[bool, typer.Option("--checkpointing", help="Gradient checkpointing.")] = False,
    optim: Annotated[str, typer.Option(help="adamw_torch, adamw_8bit or paged_adamw_8bit.")] = "adamw_torch",
    cohort: Annotated[int, typer.Option(help="Trials that train at once.")] = 1,
    layout: Annotated[str, typer.Option(help="padded or packed rows.")] = "padded",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Predict which settings fit on a GPU. Takes no GPU and no weights; see docs/memory.md."""
    from sweeper.commands.fit import FitOptions, fit

    options = FitOptions(
        gpu, quantization, dtype, rank, batch, seq, checkpointing, optim, cohort, layout, as_json
    )
    fit(model, options)


@app.command()
def doctor(host: Annotated[str | None, typer.Option(help="[default: OLLAMA_HOST]")] = None) -> None:
    """Look at Ollama: is it there, which version, how much room, and what can be proven with it."""
    from sweeper.commands.doctor import doctor

    doctor(host)


def _home(context: typer.Context) -> Home:
    home: Home = context.obj
    return home


def main() -> None:
    """The `sweep` program. An error that sweeper knows is one line and its exit code."""
    try:
        app()
    except SweepError as error:
        print(f"sweep: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
