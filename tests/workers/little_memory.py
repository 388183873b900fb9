"""Run as a process of its own: python -m tests.workers.little_memory FOLDER

Trains a trial with four long rows at a time under RLIMIT_AS, until an allocation really fails, and goes on
with two; then the same trial with two rows from its start without a limit. Prints what happened as JSON.
"""

import json
import resource
import sys
from dataclasses import replace
from pathlib import Path

from sweeper.events import CheckpointSaved, Event, TrialCompleted, TrialOutOfMemory
from sweeper.memory.plan import Cohort, PlannedTrial
from sweeper.models.reference import resolve_base
from sweeper.scoring.load_suite import load_suite
from sweeper.space.load import load_space
from sweeper.space.trial_config import TrialConfig
from sweeper.workers.workbench import Workbench
from sweeper.workers.worker import WorkerSetup
from tests.tiny_base import WORDS, save_tiny_space

ROOM_BYTES = 120 << 20
"""Beside what the process has already. The attention mask of four rows alone takes more."""
CONFIG = TrialConfig(
    learning_rate=1e-2,
    lora_rank=2,
    effective_batch_size=4,
    max_seq_length=1500,
    num_train_epochs=None,
    max_steps=4,
    save_steps=1,
)


def main(folder: Path) -> None:
    space = load_space(save_tiny_space(folder))
    rows = [{"instruction": "Repeat.", "input": f"{word} " * 500, "output": word} for word in WORDS]
    rows[:4] = [{**row, "input": str(row["output"])} for row in rows[:4]]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    base = resolve_base(space.base, folder)
    setup = WorkerSetup(base, space.data, (load_suite(space.dev[0]),), 1, folder / "calm")
    hungry = Workbench(replace(setup, sweep_folder=folder / "hungry"))
    unlimited = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (virtual_bytes() + ROOM_BYTES, unlimited[1]))
    events = train(hungry, PlannedTrial(0, 1, CONFIG, 4))
    rest = train(hungry, PlannedTrial(0, 2, CONFIG, 2))
    resource.setrlimit(resource.RLIMIT_AS, unlimited)
    calm = Workbench(setup)
    train(calm, PlannedTrial(0, 1, CONFIG, 2))
    told = {
        "second": [event.reason for event in rest if isinstance(event, TrialOutOfMemory)],
        "failures": [event.reason for event in events if isinstance(event, TrialOutOfMemory)],
        "saved": [event.step for event in events if isinstance(event, CheckpointSaved)],
        "completed": [len(completed(events)), len(completed(rest))],
        "difference": difference(calm, hungry) if completed(rest) else None,
    }
    print(json.dumps(told))


def train(bench: Workbench, planned: PlannedTrial) -> list[Event]:
    events: list[Event] = []
    bench.train(Cohort((planned,)), events.append)
    return events


def completed(events: list[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, TrialCompleted)]


def difference(one: Workbench, other: Workbench) -> float:
    """Of two adapters, the largest."""
    from safetensors.torch import load_file

    files = [each.folder.trial(0) / "adapter" / "adapter_model.safetensors" for each in (one, other)]
    first, second = (load_file(file) for file in files)
    return max(float((first[name] - second[name]).abs().max()) for name in first)


def virtual_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmSize:"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
