"""The program itself, and what its commands share. What a command does stands in commands/."""

from pathlib import Path
from typing import Annotated

import typer

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
OllamaName = Annotated[
    str | None, typer.Option("--name", help="Model name in Ollama. [default: promote.name]")
]


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


def home_of(context: typer.Context) -> Home:
    """The home that the program's options name."""
    home: Home = context.obj
    return home
