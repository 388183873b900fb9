"""Commands on space files: write one, check one, see what fits."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.app import SpaceFile, app, home_of


@app.command()
def init(
    rows: Annotated[Path, typer.Argument(help="Your rows, in any format and file that can be trained on.")],
    model: Annotated[str, typer.Argument(help="The model to tune: a hub id, a folder or a .gguf file.")],
    name: Annotated[str | None, typer.Option(help="The sweep's name. [default: the file's]")] = None,
    folder: Annotated[Path, typer.Option(help="Where the files go.")] = Path(),
) -> None:
    """Write a space and suites to start from, fitted to your rows."""
    from sweeper.commands.init import init

    init(rows, model, name, folder)


@app.command()
def check(
    context: typer.Context,
    space: SpaceFile,
    gpu: Annotated[
        str | None, typer.Option(help="Look at memory as on this GPU (rtx-4090, t4, 24GB), here or not.")
    ] = None,
) -> None:
    """Validate a space without training, and show a row as the model sees it."""
    from sweeper.commands.check import check

    check(home_of(context), space, gpu)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a space file: `sweep schema > space.schema.json`, for an editor."""
    from sweeper.commands.schema import schema

    schema()


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
