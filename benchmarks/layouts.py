"""Whether the row layout that is chosen by estimate is the faster one: python -m benchmarks.layouts

Each cell is a trial's rows (lengths drawn between two bounds, a share of the shorter bound common) in
micro-batches of some rows. Both layouts train the same rows on the same base, turn by turn; `estimated` and
`measured` are how many times as long padded rows take as packed ones. What a wrong choice costs is told.
"""

import argparse
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.engine import SMOLLM2
from sweeper.data.encode import EncodedRow, common_prefix_length
from sweeper.models.load import load_base
from sweeper.models.reference import resolve_base
from sweeper.space.trial_config import TrialConfig
from sweeper.training.engine import Engine
from sweeper.training.layouts import LAYOUTS, BaseShape, Layout, choose_layout, estimated_costs
from sweeper.training.slot import Slot

STEPS = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows of `shortest` to `longest` tokens, of which all begin with `common` ones; `rows` to a step."""

    shortest: int
    longest: int
    common: int
    rows: int

    def encoded(self) -> list[EncodedRow]:
        chance = random.Random(repr(self))
        front = tuple(chance.randrange(1000, 20000) for _ in range(self.common))
        lengths = [chance.randint(self.shortest, self.longest) for _ in range(self.rows * (STEPS + 1))]
        own = [tuple(chance.randrange(1000, 20000) for _ in range(each - self.common)) for each in lengths]
        return [EncodedRow((*front, *ids), len(front) + len(ids) - 4) for ids in own]


CELLS = [
    Cell(64, 64, 0, 4),
    Cell(64, 64, 0, 8),
    Cell(64, 64, 32, 4),
    Cell(32, 96, 0, 4),
    Cell(32, 96, 16, 8),
    Cell(128, 128, 0, 4),
    Cell(128, 128, 64, 4),
    Cell(128, 384, 0, 2),
    Cell(128, 384, 100, 4),
    Cell(256, 256, 0, 4),
    Cell(256, 256, 32, 4),
    Cell(384, 384, 300, 2),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    torch.set_num_threads(parser.parse_args().threads)
    engine = Engine(load_base(resolve_base(SMOLLM2, Path.cwd())).model)
    shape = BaseShape(True, engine.model.config.get_text_config().hidden_size, engine.device.type)
    print("tokens    common  rows  padded / packed: estimated  measured   chosen")
    prices = [price_of_choice(engine, shape, cell) for cell in CELLS]
    right = sum(price <= 1 for price in prices)
    print(f"{right} of {len(CELLS)} chosen rightly; the worst choice takes {max(prices):.2f} times the other")


def price_of_choice(engine: Engine, shape: BaseShape, cell: Cell) -> float:
    """Seconds of the layout that is chosen over those of the other; prints the cell's line."""
    rows = cell.encoded()
    lengths, prefix = [len(row.input_ids) for row in rows], common_prefix_length(rows)
    costs = estimated_costs(shape, lengths, prefix, cell.rows, cell.rows)
    chosen = choose_layout(shape, lengths, prefix, cell.rows, cell.rows)
    seconds = measured_seconds(engine, cell, rows)
    (other,) = (each for each in LAYOUTS if each != chosen)
    print(
        f"{cell.shortest:3d}-{cell.longest:<4d} {cell.common:7d} {cell.rows:5d}"
        f" {costs['padded'] / costs['packed']:26.2f} {seconds['padded'] / seconds['packed']:9.2f}   {chosen}",
        flush=True,
    )
    return seconds[chosen] / seconds[other]


def measured_seconds(engine: Engine, cell: Cell, rows: Sequence[EncodedRow]) -> dict[Layout, float]:
    """The median over STEPS optimizer steps behind a first one, both layouts in turn at each step."""
    config = TrialConfig(lora_rank=16, effective_batch_size=cell.rows, max_seq_length=cell.longest)
    slots = {each: Slot(config, rows, engine.layers, cell.rows, seed=0, layout=each) for each in LAYOUTS}
    seen: dict[Layout, list[float]] = {each: [] for each in LAYOUTS}
    for _ in range(STEPS + 1):
        for layout, slot in slots.items():
            start = time.perf_counter()
            engine.advance([slot])
            seen[layout].append(time.perf_counter() - start)
    return {layout: statistics.median(times[1:]) for layout, times in seen.items()}


if __name__ == "__main__":
    main()
