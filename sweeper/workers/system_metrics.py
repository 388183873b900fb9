"""How busy the machine is while a trial trains, under MLflow's names of system metrics.

MLflow's own sampler is a thread for each active run and writes by itself; here the driver is the only
writer. So the training thread looks between two steps, and what it sees goes the way of all events.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import psutil

from sweeper.events import SystemSampled
from sweeper.workers.worker import Emit

EVERY_SECONDS = 30.0
"""Between two samples of a trial: some hundred points an hour."""

Sampler = Callable[[], Mapping[str, float]]


class SystemMetrics:
    """Emits a sample for a trial where one is due, and where the trial pauses or ends.

    Processor use is the mean since the sample before, memory and GPUs are as they are at that moment.
    All of the machine is seen, not this process alone.
    """

    def __init__(self, sample: Sampler | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._sample = sample or machine_sampler()
        self._clock = clock
        self._last: dict[int, float] = {}

    def after_step(self, trial: int, examples: int, is_stopping: bool, emit: Emit) -> None:
        """To be called after each step of `trial`, `examples` into it."""
        now = self._clock()
        if not is_stopping and now - self._last.setdefault(trial, now) < EVERY_SECONDS:
            return
        self._last[trial] = now
        emit(SystemSampled(trial, time.time(), examples, dict(self._sample())))


def machine_sampler() -> Sampler:
    """Processor and memory by psutil; NVIDIA GPUs where `pynvml` is installed and finds some."""
    psutil.cpu_percent()  # the first call measures from here on
    gpus = _gpu_sampler(_nvml())
    return lambda: {**_of_machine(), **gpus()}


def _of_machine() -> dict[str, float]:
    memory = psutil.virtual_memory()
    return {
        "cpu_utilization_percentage": psutil.cpu_percent(),
        "system_memory_usage_megabytes": memory.used / 1e6,
        "system_memory_usage_percentage": 100 * memory.used / memory.total,
    }


def _nvml() -> Any | None:
    """The module, initialised; None where it or a driver is not there."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _gpu_sampler(nvml: Any | None) -> Sampler:
    if nvml is None:
        return dict
    handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]

    def sample() -> dict[str, float]:
        found: dict[str, float] = {}
        for index, handle in enumerate(handles):
            for name, read in _GPU_READERS.items():
                try:
                    found[f"gpu_{index}_{name}"] = read(nvml, handle)
                except nvml.NVMLError:  # a card need not offer all of it
                    continue
        return found

    return sample


def _memory_share(nvml: Any, handle: Any) -> float:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return float(100 * memory.used / memory.total)


_GPU_READERS: Mapping[str, Callable[[Any, Any], float]] = {
    "memory_usage_megabytes": lambda nvml, handle: nvml.nvmlDeviceGetMemoryInfo(handle).used / 1e6,
    "memory_usage_percentage": _memory_share,
    "utilization_percentage": lambda nvml, handle: float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu),
    "power_usage_watts": lambda nvml, handle: nvml.nvmlDeviceGetPowerUsage(handle) / 1000,
}
