"""From which micro-batch on models no longer fit in 24 GB: python benchmarks/memory_models.py [MODEL ...]

nf4, rank 64 on all linear layers, checkpointing, rows of 2,048 tokens with all labels, by config alone.
Then how long 200 combinations of a 7B model take.
"""

import sys
import time
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sweeper.memory.predict import predict_many
from sweeper.memory.settings import BaseSettings, EngineStep, Optim, Quantization
from tests.memory.known_models import KNOWN_MODELS

QUANTIZATIONS: tuple[Quantization, ...] = ("none", "nf4")
OPTIMS: tuple[Optim, ...] = ("adamw_torch", "adamw_8bit")

BATCHES = (1, 2, 3, 4, 6, 8)
LENGTHS = (512, 1024, 2048, 4096)
LIMIT_BYTES = int(24e9 * 0.95)


def main(names: list[str]) -> None:
    print(f"{'':18}" + "".join(f"{f'batch {batch}':>11}" for batch in BATCHES) + "   (GB; x: over 22.8)")
    base = BaseSettings(quantization="nf4")
    for name in names:
        config = KNOWN_MODELS[name]
        steps = [
            EngineStep(base, "padded", batch, 2048, 64, gradient_checkpointing=True) for batch in BATCHES
        ]
        peaks = [prediction.predicted_bytes for prediction in predict_many(config, steps)]
        cells = "".join(f"{peak / 1e9:9.2f} {'x' if peak > LIMIT_BYTES else ' '}" for peak in peaks)
        print(f"{name:18}{cells}", flush=True)
    _time()


def _time() -> None:
    steps = [
        EngineStep(BaseSettings(quantization=quantization), "padded", batch, length, rank, optim=optim)
        for quantization, optim, rank, batch, length in product(
            QUANTIZATIONS,
            OPTIMS,
            (8, 16, 32, 64),
            (1, 2, 4, 8),
            (512, 1024, 2048, 4096),
        )
    ]
    began, cpu = time.monotonic(), time.process_time()
    predict_many(KNOWN_MODELS["deepseek-llm-7b"], steps)
    print(
        f"{len(steps)} combinations of deepseek-llm-7b: {time.monotonic() - began:.1f} s, "
        f"{time.process_time() - cpu:.1f} s of CPU"
    )


if __name__ == "__main__":
    main(sys.argv[1:] or list(KNOWN_MODELS))
