"""A home with a sweep that was run: its event log, and files of its trials."""

from pathlib import Path

from sweeper.event_log import EventLog
from sweeper.home import Home
from tests.sweep_events import sweep_events


def home_with_sweep(folder: Path, name: str = "tickets") -> Home:
    """Trials 0, 2 and 3 are complete (2 is the best), 1 diverged. Each has an adapter."""
    home = Home(folder / "mlruns")
    sweep = home.sweep(name)
    log = EventLog(sweep.events)
    log.open()
    for event in sweep_events():
        log.append(event)
    for number in range(4):
        adapter = sweep.trial(number) / "adapter"
        adapter.mkdir(parents=True)
        (adapter / "adapter_model.safetensors").write_bytes(bytes(1000))
    sweep.space_path.write_text(str(folder / "space.yaml"))
    return home
