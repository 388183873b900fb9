"""A trial in a process whose memory is really limited: python -m tests.workers.short_of_memory FOLDER

The logits of its third step are large: with a micro-batch of 4 they do not fit, with one of 2 they do. The
limit is set from two runs without one, half-way between what their steps held. Prints JSON: what was
told, and how far the adapter is from that of the run that never had more than 2.
"""

import json
import resource
import sys
from dataclasses import replace
from pathlib import Path

from sweeper.data.order import windows
from sweeper.events import Event, MemoryMeasured, TrialCompleted, TrialOutOfMemory, TrialStarted
from sweeper.memory.plan import PlannedTrial
from sweeper.models.reference import resolve_base
from sweeper.scoring.load_suite import load_suite
from sweeper.space.load import load_space
from sweeper.space.trial_config import TrialConfig
from sweeper.workers.workbench import Workbench
from sweeper.workers.worker import WorkerSetup
from tests.tiny_base import save_tiny_base, save_tiny_space
from tests.workers.benches import told, train, weights

VOCABULARY, LONG_ANSWER = 50_000, 250
CONFIG = TrialConfig(
    learning_rate=1e-2, lora_rank=2, effective_batch_size=4, max_seq_length=512, num_train_epochs=1
)
SEED, ROWS, HEAVY_STEP = 1, 16, 3


def save_setup(folder: Path) -> WorkerSetup:
    """A tiny base with a large vocabulary; the rows of the third step alone are long."""
    space = load_space(save_tiny_space(folder))
    save_tiny_base(folder / "base", VOCABULARY)
    heavy = list(windows(CONFIG, ROWS, SEED))[HEAVY_STEP - 1]
    rows = [
        {
            "instruction": "Say.",
            "input": str(row),
            "output": "abcd"[row % 4] * (LONG_ANSWER if row in heavy else 3),
        }
        for row in range(ROWS)
    ]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    base = resolve_base(space.base, folder)
    return WorkerSetup(base, space.data, (load_suite(space.dev[0]),), SEED, sweep_folder=folder / "state")


def main(folder: Path) -> None:
    bench = Workbench(save_setup(folder))
    calm = PlannedTrial(1, 1, CONFIG, 2)
    fits = _peak_bytes(train(bench, calm))
    too_much = _peak_bytes(train(bench, replace(calm, number=2, micro_batch_size=4)))
    held = sum(parameter.nbytes for parameter in bench.engine.model.parameters())
    allowed = _data_bytes() + (fits + too_much) // 2 - held
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
    events = train(bench, replace(calm, number=0, micro_batch_size=4))
    events += train(bench, replace(calm, number=0, attempt=2))
    starts = told(events, TrialStarted, "resumed_step", "micro_batch_size", "gradient_accumulation_steps")
    failures = told(events, TrialOutOfMemory, "micro_batch_size", "reason")
    completed = told(events, TrialCompleted, "trial")
    found = {"fits": fits, "too_much": too_much, "starts": starts, "failures": failures}
    print(json.dumps({**found, "completed": completed, "difference": _difference(bench)}))


def _peak_bytes(events: list[Event]) -> int:
    return max(event.measured_bytes for event in events if isinstance(event, MemoryMeasured))


def _data_bytes() -> int:
    """What Linux holds against RLIMIT_DATA: private writable memory, whether it is in use or not."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))


def _difference(bench: Workbench) -> float:
    """Of the two adapters, as a share of what rounding may come to: 1e-3 of a weight, or 1e-4."""
    calm, found = weights(bench, 1), weights(bench, 0)
    return max(
        float(((found[name] - calm[name]).abs() / (1e-4 + 1e-3 * calm[name].abs())).max()) for name in calm
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
