"""`sweep fit`: what fits on a GPU, told from a model's config alone."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from sweeper.errors import InputError
from sweeper.memory.gpus import gpu_bytes
from sweeper.memory.settings import Dtype, Layout, Optim, Quantization
from sweeper.models.quiet import quiet_libraries
from sweeper.space.base import resolve_base
from sweeper.space.suggest import did_you_mean

if TYPE_CHECKING:
    from sweeper.memory.fit import FitRow

HEADROOM = 0.05
"""Share of the GPU that is left free: what a prediction may be wrong by."""

_MOST_ROWS = 4096
_LARGEST = {"--rank": 4096, "--batch": 4096, "--seq": 1 << 20, "--cohort": 64}


@dataclass(frozen=True, slots=True)
class FitOptions:
    """The options as they were written."""

    gpu: str
    quantization: str = "none"
    dtype: str = "bfloat16"
    rank: str = "8,16,32,64"
    batch: str = "1,2,4,8"
    seq: str = "512,1024,2048,4096"
    checkpointing: bool = False
    optim: str = "adamw_torch"
    cohort: int = 1
    layout: str = "padded"
    as_json: bool = False


def fit(model: str, options: FitOptions) -> None:
    """Reads all that can be wrong before torch is imported; then predicts and prints."""
    reference = resolve_base(model, Path.cwd())
    total = gpu_bytes(options.gpu)
    ranks = _numbers("--rank", options.rank)
    batches = _numbers("--batch", options.batch)
    lengths = _numbers("--seq", options.seq)
    _within("--cohort", options.cohort)
    if len(ranks) * len(batches) * len(lengths) > _MOST_ROWS:
        raise InputError("sweep fit", f"more than {_MOST_ROWS} combinations", "Name fewer values")
    quantization: Quantization = _one_of("--quantization", options.quantization, get_args(Quantization))  # type: ignore[assignment]
    dtype: Dtype = _one_of("--dtype", options.dtype, get_args(Dtype))  # type: ignore[assignment]
    optim: Optim = _one_of("--optim", options.optim, get_args(Optim))  # type: ignore[assignment]
    layout: Layout = _one_of("--layout", options.layout, get_args(Layout))  # type: ignore[assignment]

    quiet_libraries()
    from sweeper.memory.base_config import BaseConfig
    from sweeper.memory.fit import Grid, fit
    from sweeper.models.config import read_config

    config = BaseConfig.of(read_config(reference))
    grid = Grid(
        ranks=ranks,
        batches=batches,
        lengths=lengths,
        quantization=quantization,
        dtype=dtype,
        checkpointing=(options.checkpointing,),
        optim=optim,
        cohort=options.cohort,
        layout=layout,
    )
    limit = int(total * (1 - HEADROOM))
    rows = fit(config, grid, limit)
    if options.as_json:
        json.dump([row.as_json() for row in rows], sys.stdout, indent=1)
        print()
    else:
        _print(model, options.gpu, total, rows)


def _numbers(option: str, text: str) -> list[int]:
    """Whole numbers with commas between, each once, in order."""
    numbers = []
    for word in text.split(","):
        if not word.strip().isdecimal():
            raise InputError(
                f"{option} {text}", f"{word.strip()!r} is no whole number", f"Write for example {option} 8,16"
            )
        numbers.append(_within(option, int(word)))
    return sorted(set(numbers))


def _within(option: str, number: int) -> int:
    low, high = (8 if option == "--seq" else 1), _LARGEST[option]
    if not low <= number <= high:
        raise InputError(f"{option} {number}", f"must be from {low} to {high}", "Write a number within")
    return number


def _one_of(option: str, word: str, known: Sequence[str]) -> str:
    if word not in known:
        raise InputError(
            f"{option} {word}",
            f"must be one of {', '.join(known)}",
            did_you_mean(word, known, "Take one of them"),
        )
    return word


def _print(model: str, gpu: str, total_bytes: int, rows: Sequence["FitRow"]) -> None:
    from sweeper.memory.fit_table import fit_table

    print(fit_table(model, gpu, total_bytes, HEADROOM, rows))
