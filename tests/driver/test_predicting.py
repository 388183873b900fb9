"""A sweep's own predictor says how many trials fit on the base that they share; held against real steps."""

from pathlib import Path

from sweeper.driver.predicting import planner_of
from sweeper.events import Event, TrialAsked
from sweeper.memory.measure import PeakMeter
from sweeper.memory.plan import PlannedTrial
from sweeper.memory.plan_within import Limit
from sweeper.models.reference import resolve_base
from sweeper.scoring.load_suite import load_suite
from sweeper.space.load import load_space
from sweeper.space.trial_config import TrialConfig
from sweeper.standing import standing_of
from sweeper.training.slot import Slot
from sweeper.workers.workbench import Workbench
from sweeper.workers.worker import WorkerSetup
from tests.driver.limited import save_limited_space


def asked(number: int) -> Event:
    config = TrialConfig(lora_rank=2 + 6 * (number % 2), effective_batch_size=4, max_seq_length=64)
    return TrialAsked(number, 0.0, config)


def measured_bytes(bench: Workbench, planned: list[PlannedTrial]) -> int:
    """What the steps of these trials, side by side, really held."""
    slots = [
        Slot(trial.config, bench.rows, bench.engine.layers, trial.micro_batch_size, 1, layout="packed")
        for trial in planned
    ]
    meter, steps = PeakMeter(bench.engine.model, slots), bench.engine.train(slots)
    for _ in range(3 * len(slots)):
        with meter.measuring():
            next(steps)
    assert meter.peak_bytes is not None
    return meter.peak_bytes


def test_trials_share_the_base_as_far_as_the_limit_goes(tmp_path: Path) -> None:
    space = load_space(save_limited_space(tmp_path, {"gpu_memory": "1GB", "headroom": 0}, (2, 64)))
    base = resolve_base(space.base, tmp_path)
    bench = Workbench(WorkerSetup(base, space.data, (load_suite(space.dev[0]),), 1, tmp_path / "state"))
    planner = planner_of(space, bench.setup, bench.facts())
    standing = standing_of([asked(number) for number in range(4)])
    plans = [planner.plan(trial, standing) for trial in standing.trials.values()]
    planned = [plan for plan in plans if isinstance(plan, PlannedTrial)]
    one = max(plan.predicted_bytes or 0 for plan in planned)
    sizes = {}
    for limit in range(one, 4 * one, one // 8):
        planner.limit = Limit(limit, 0.0)
        sizes[limit] = planner.cohort_size(planned, 4, standing)
    held = measured_bytes(bench, planned)
    print(f"four trials held {held} bytes, one is predicted {one}; cohorts by limit: {sizes}")
    assert sizes[one] == 1
    assert list(sizes.values()) == sorted(sizes.values())
    least_for_four = min(limit for limit, size in sizes.items() if size == 4)
    assert held <= least_for_four < 3.8 * one  # with a base each it would be four times one
