"""What tests do with a workbench: train on it, read what it told and what it left."""

from typing import Any

import torch

from sweeper.events import Event
from sweeper.memory.plan import Cohort, PlannedTrial
from sweeper.workers.workbench import Workbench


def train(bench: Workbench, *trials: PlannedTrial) -> list[Event]:
    events: list[Event] = []
    bench.train(Cohort(trials), events.append)
    return events


def told(events: list[Event], kind: type[Event], *names: str) -> list[Any]:
    """Of each event of a kind the fields `names`."""
    found = [event for event in events if isinstance(event, kind)]
    return [tuple(getattr(event, name) for name in names) for event in found]


def weights(bench: Workbench, number: int = 0) -> dict[str, torch.Tensor]:
    """Of the adapter that a trial left."""
    from safetensors.torch import load_file

    loaded: dict[str, torch.Tensor] = load_file(
        bench.folder.trial(number) / "adapter" / "adapter_model.safetensors"
    )
    return loaded
