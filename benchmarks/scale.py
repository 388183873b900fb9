"""A thousand trials: what the driver costs, how large the databases grow, and how busy workers are kept.

    python -m benchmarks.scale [--trials 1000] [--workers 1 8] [--seconds 2]

Driver, waves, sampler, event log, Optuna's and MLflow's SQLite files are the real ones; workers sleep in
place of training. `ideal` is the makespan of the very legs that were trained if nothing but they took time:
within a wave's rung the next free worker takes the next leg, and a rung begins when the one before is done.
CPU is of the whole process, the simulated workers' threads and MLflow's writer with it. Trials of real
sweeps take minutes, not --seconds: `lost a wave` is what the driver adds to each, whatever its trials take.
"""

import argparse
import heapq
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.simulated_worker import SimulatedWorker
from sweeper.driver import run_sweep
from sweeper.event_log import EventLog
from sweeper.events import Event, RungReached, TrialAsked, TrialStarted
from sweeper.home import Home
from sweeper.models.quiet import quiet_libraries
from sweeper.space.load import load_space


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--workers", nargs="*", type=int, default=[1, 8])
    parser.add_argument("--seconds", type=float, default=2.0, help="of a whole trial")
    options = parser.parse_args()
    quiet_libraries()
    SimulatedWorker.trial_seconds = options.seconds
    for workers in options.workers:
        with tempfile.TemporaryDirectory() as folder:
            report(Path(folder), options.trials, workers)


def report(folder: Path, trials: int, workers: int) -> None:
    from benchmarks.overhead import Quiet

    path, home = save_space(folder, trials), Home(folder / "mlruns")
    wall, cpu = time.monotonic(), time.process_time()
    run_sweep(home, load_space(path), SimulatedWorker, Quiet(), workers)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    events = [event for _, event in EventLog(home.sweep("scale").events).read()]
    makespan, ideal = events[-1].time - first_start(events), ideal_makespan(events, workers)
    waves = 1 + max(event.wave for event in events if isinstance(event, TrialAsked))
    print(f"{trials} trials in {waves} waves over {workers} workers: {wall:.1f} s")
    print(f"  makespan {makespan:.1f} s, ideal {ideal:.1f} s: {makespan / ideal - 1:.1%} above")
    print(f"  lost a wave: {(makespan - ideal) / waves:.3f} s; before and after {wall - makespan:.1f} s")
    print(f"  CPU {cpu / trials * 1e3:.0f} ms a trial")
    for file in ("mlflow.db", "optuna.db", "sweeps/scale/events.jsonl"):
        size = (home.mlruns / file).stat().st_size
        print(f"  {file}: {size / 1e6:.1f} MB, {size / trials / 1e3:.1f} kB a trial", flush=True)


def save_space(folder: Path, trials: int) -> Path:
    (folder / "base").mkdir(parents=True)
    (folder / "base" / "config.json").write_text("{}")
    row = json.dumps({"instruction": "a", "input": "b", "output": "c"})
    for name in ("train", "dev"):
        (folder / f"{name}.jsonl").write_text(f"{row}\n" * 3)
    space = {
        "name": "scale",
        "model": {"base": "./base"},
        "data": {"train": "train.jsonl", "allow_overlap": True},
        "parameters": {
            "learning_rate": {"min": 1e-5, "max": 1e-3, "log": True},
            "lora_rank": {"values": [8, 16, 32, 64]},
            "lora_alpha": {"min": 8, "max": 64},
            "effective_batch_size": 4,
        },
        "search": {"trials": trials, "seed": 0},
        "evaluation": {"dev": "dev.jsonl", "guard": "none"},
    }
    path = folder / "space.yaml"
    path.write_text(json.dumps(space))  # JSON is YAML
    return path


def first_start(events: Sequence[Event]) -> float:
    return next(event.time for event in events if isinstance(event, TrialAsked))


@dataclass(frozen=True, slots=True)
class Leg:
    """One trial's way to one rung, of so many seconds."""

    wave: int
    rung: int
    seconds: float


def legs_of(events: Sequence[Event]) -> list[Leg]:
    """In the order in which they were begun."""
    waves = {event.trial: event.wave for event in events if isinstance(event, TrialAsked)}
    rungs = {(event.trial, event.step): event.rung for event in events if isinstance(event, RungReached)}
    legs = []
    for event in events:
        if isinstance(event, TrialStarted):
            step, rung = min(
                (step, rung)
                for (trial, step), rung in rungs.items()
                if trial == event.trial and step > event.resumed_step
            )
            share = (step - event.resumed_step) / event.total_steps
            legs.append(Leg(waves[event.trial], rung, share * SimulatedWorker.trial_seconds))
    return legs


def ideal_makespan(events: Sequence[Event], workers: int) -> float:
    """Seconds; see the head of this file."""
    stages: dict[tuple[int, int], list[float]] = {}
    for leg in legs_of(events):
        stages.setdefault((leg.wave, leg.rung), []).append(leg.seconds)
    return sum(stage_seconds(legs, workers) for legs in stages.values())


def stage_seconds(legs: Sequence[float], workers: int) -> float:
    free = [0.0] * workers
    for seconds in legs:
        heapq.heappush(free, heapq.heappop(free) + seconds)
    return max(free)


if __name__ == "__main__":
    main()
