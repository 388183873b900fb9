"""What `sweep check` tells of disk and time: the space's own needs against what this home has and knows."""

from collections.abc import Sequence

from sweeper.commands.cost_lines import disk_line, training_line
from sweeper.errors import SweepError, UnavailableError
from sweeper.event_log import EventLog
from sweeper.home import Home
from sweeper.report.speed import Speed, tokens_per_second
from sweeper.search.cost import disk_needs, training_cost
from sweeper.serving.store import free_bytes
from sweeper.space.base import resolve_base
from sweeper.space.load import load_space
from sweeper.space.memory_size import size
from sweeper.space.space import Space


def cost_lines(
    home: Home,
    space: Space,
    shapes: dict[str, tuple[int, int]],
    row_lengths: Sequence[int],
    prompt_lengths: Sequence[int],
) -> list[str]:
    """A line on training and one on the disk.

    Raises UnavailableError where not even the smallest adapters of the space have room.
    """
    low, high = disk_needs(space, shapes)
    free = free_bytes(home.mlruns)
    if free < low.total:
        raise UnavailableError(
            f"{home.mlruns} has {size(free)} free, and the sweep's adapters and checkpoints need at least "
            f"{size(low.total)}: make room there, or lower lora_rank or search.pruner.wave."
        )
    cost = training_cost(space, row_lengths, prompt_lengths)
    return [training_line(cost, measured_speed(home, space)), disk_line(low, high, free)]


def measured_speed(home: Home, space: Space) -> Speed | None:
    """Of the last sweep in this home that trained the space's base. Its rows and batches may be others."""
    base = resolve_base(space.base, space.path.parent)
    folders = [home.sweep(name) for name in home.sweep_names()]
    for folder in sorted(folders, key=lambda folder: -folder.events.stat().st_mtime):
        try:
            other = load_space(folder.recorded_space_path())
            is_same = resolve_base(other.base, other.path.parent) == base
        except (OSError, SweepError):  # its space file is gone or was changed since
            continue
        speed = tokens_per_second(event for _, event in EventLog(folder.events).read()) if is_same else None
        if speed is not None:
            return Speed(speed, folder.path.name)
    return None
