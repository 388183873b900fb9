"""What a trial's samples of the machine say, and when they are taken."""

from types import SimpleNamespace

import psutil
import pytest

from sweeper.events import Event, SystemSampled
from sweeper.workers import system_metrics
from sweeper.workers.system_metrics import EVERY_SECONDS, SystemMetrics, machine_sampler


def test_a_sample_where_one_is_due_and_at_a_stop() -> None:
    now, events = 0.0, list[Event]()
    metrics = SystemMetrics(lambda: {"cpu_utilization_percentage": now}, lambda: now)
    for step in range(1, 10):
        now = step * EVERY_SECONDS / 4
        metrics.after_step(7, 8 * step, step == 6, events.append)
        metrics.after_step(8, 8 * step, False, events.append)
    seen = [(event.trial, event.examples) for event in events if isinstance(event, SystemSampled)]
    assert seen == [(7, 40), (8, 40), (7, 48), (8, 72)]  # every fourth step, and where 7 stops


def test_the_machine_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_metrics, "_nvml", lambda: None)
    found = machine_sampler()()
    assert set(found) == {
        "cpu_utilization_percentage",
        "system_memory_usage_megabytes",
        "system_memory_usage_percentage",
    }
    assert 0 <= found["cpu_utilization_percentage"] <= 100
    assert 0 < found["system_memory_usage_megabytes"] < psutil.virtual_memory().total / 1e6


class NoPower(Exception):
    pass


def no_power(handle: object) -> float:
    raise NoPower


def test_gpus_are_seen_as_far_as_they_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for pynvml with two cards, which do not tell their power."""
    nvml = SimpleNamespace(
        NVMLError=NoPower,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(used=(handle + 1) * 1e9, total=10e9),
        nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=50 + handle),
        nvmlDeviceGetPowerUsage=no_power,
    )
    monkeypatch.setattr(system_metrics, "_nvml", lambda: nvml)
    found = machine_sampler()()
    assert {key: value for key, value in found.items() if key.startswith("gpu_")} == {
        "gpu_0_memory_usage_megabytes": 1000.0,
        "gpu_0_memory_usage_percentage": 10.0,
        "gpu_0_utilization_percentage": 50.0,
        "gpu_1_memory_usage_megabytes": 2000.0,
        "gpu_1_memory_usage_percentage": 20.0,
        "gpu_1_utilization_percentage": 51.0,
    }


def test_names_are_those_of_mlflow() -> None:
    """MLflow's own monitors, asked for what they call the same."""
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor

    monitor = CPUMonitor()
    monitor.collect_metrics()
    theirs = monitor.aggregate_metrics()
    ours = machine_sampler()()
    assert set(theirs) <= set(ours)
    key = "system_memory_usage_megabytes"
    assert ours[key] == pytest.approx(theirs[key], rel=0.2)
