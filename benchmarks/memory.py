"""Predicted against published peak GPU memory: python benchmarks/memory.py PEAKS.jsonl [WORD ...]

Each line of PEAKS.jsonl is one measurement with its settings. For each this prints what a replay on
this machine predicts, what was measured, and the error; with WORDs, of rows that hold them all. No
GPU is used. Rows of kind "allocated" are live tensors; "reserved" is the caching allocator's, which
takes a replay at full depth.
"""

import json
import statistics
import sys
from functools import lru_cache
from pathlib import Path

from benchmarks.measured_row import MeasuredRow, OutOfReach, read_row
from sweeper.memory.base_config import BaseConfig
from sweeper.memory.cuda_overhead import CONTEXT_BYTES
from sweeper.memory.depth import moments_of
from sweeper.memory.replay import replay
from sweeper.memory.settings import Step


def main(path: Path, words: list[str]) -> None:
    errors: dict[str, list[float]] = {}
    unreached = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or any(word not in line for word in words):
            continue
        raw = json.loads(line)
        source = raw["source"].split("@")[0].removeprefix("PyPI ").split(" ")[0]
        try:
            row = read_row(raw)
        except OutOfReach as reason:
            unreached.append(f"{raw['source'].split('@')[0]} {raw['model']}: {reason}")
            continue
        try:
            predicted = predict_row(row)
        except (LookupError, RuntimeError, ValueError) as fault:
            unreached.append(f"{source} {row.name}: the replay failed ({str(fault).splitlines()[0][:100]})")
            continue
        error = predicted / row.measured_bytes - 1
        errors.setdefault(f"{source} {row.kind}", []).append(abs(error))
        print(
            f"{source[:34]:34} {row.name:44} {row.kind:9} {predicted / 1e9:7.2f} "
            f"{row.measured_bytes / 1e9:7.2f} {error:+7.2%}",
            flush=True,
        )
    for name, found in errors.items():
        print(f"{name}: {len(found)} rows, median {statistics.median(found):.2%}, worst {max(found):.2%}")
    for text in unreached:
        print(f"not reached: {text}")


def predict_row(row: MeasuredRow) -> int:
    """What the row's kind counts, in bytes."""
    if row.kind == "allocated":
        return int(moments_of(row.config, row.step, warm=False).sum(axis=1).max())
    reserved = _reserved_bytes(row.config, row.step)
    return reserved + (CONTEXT_BYTES if row.kind == "smi" else 0)


@lru_cache
def _reserved_bytes(config: BaseConfig, step: Step) -> int:
    return replay(config, step).peak_reserved_bytes


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
