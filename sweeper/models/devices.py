"""Where a space's trials train: a place for each worker."""

import os
from dataclasses import dataclass

from sweeper.errors import InputError
from sweeper.models.hardware import cuda_count
from sweeper.models.precision import Precision, choose_precision
from sweeper.space.space import Space
from sweeper.space.workers_section import WorkerSettings


@dataclass(frozen=True, slots=True)
class Place:
    """A worker's device by torch's name, and its share of the CPU's threads, None for all."""

    device: str
    threads: int | None = None


def places(settings: WorkerSettings, cuda: int, cores: int) -> tuple[Place, ...]:
    """One for each CUDA device that is asked for, else one for each process on the CPU.

    Raises InputError for devices that are not there, and for processes where CUDA devices are found.
    """
    if missing := [number for number in settings.devices or () if number >= cuda]:
        there = f"there are {cuda} of them here, counted from 0" if cuda else "there are none here"
        raise InputError(
            "workers.devices", f"names CUDA device {missing[0]}, and {there}", "Write `devices: auto`"
        )
    numbers = range(cuda) if settings.devices is None else settings.devices
    if numbers and settings.processes > 1:
        raise InputError(
            "workers.processes",
            f"is {settings.processes}, and trials train on CUDA devices here, one process each",
            "Remove it, or write `devices: cpu` beside it",
        )
    if numbers:
        return tuple(Place(f"cuda:{number}") for number in numbers)
    threads = None if settings.processes == 1 else max(cores // settings.processes, 1)
    return (Place("cpu", threads),) * settings.processes


def places_of(space: Space) -> tuple[Place, ...]:
    """The places of a space on this machine. Raises InputError where it has them not."""
    cuda = 0 if space.workers.devices == () else cuda_count()
    return places(space.workers, cuda, _cores())


def precision_of(space: Space) -> Precision:
    """How the space's base is held on its first place. Raises InputError as `choose_precision` does."""
    return choose_precision(space.model, places_of(space)[0].device)


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
