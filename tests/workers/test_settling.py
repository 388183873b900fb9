"""A worker process that settles has all that it told in the driver's hands before it goes on."""

import time
from pathlib import Path
from typing import ClassVar

import pytest

from sweeper.events import Event, StepTrained
from sweeper.memory.plan import Cohort
from sweeper.scoring.load_suite import load_suite
from sweeper.space.load import load_space
from sweeper.workers.link import Link
from sweeper.workers.spawned import MakeBench, SpawnedWorker
from sweeper.workers.worker import Emit, WorkerFacts, WorkerSetup
from tests.driver.spaces import save_scripted_space

STEPS = 40


class TellingBench:
    """Tells of steps, settles, and writes a file."""

    is_settling = True

    def __init__(self, setup: WorkerSetup, link: Link) -> None:
        self.file, self.link = setup.sweep_folder / "written", link

    def facts(self) -> WorkerFacts:
        return WorkerFacts((20,), (10,), ())

    def train(self, cohort: Cohort, emit: Emit) -> None:
        for step in range(STEPS):
            emit(StepTrained(0, 0.0, step, step, step, 1.0, 1e-4, 1.0))
        if self.is_settling:
            self.link.settle()
        self.file.write_text("")


class HastyBench(TellingBench):
    is_settling = False


class Settling(SpawnedWorker):
    make_bench: ClassVar[MakeBench] = TellingBench


class Hasty(SpawnedWorker):
    make_bench: ClassVar[MakeBench] = HastyBench


@pytest.mark.parametrize(("kind", "is_early"), [(Settling, False), (Hasty, True)])
def test_what_is_written_after_settling_is_never_ahead(
    tmp_path: Path, kind: type[SpawnedWorker], is_early: bool
) -> None:
    from sweeper.models.reference import resolve_base

    space = load_space(save_scripted_space(tmp_path / "space"))
    setup = WorkerSetup(
        base=resolve_base(space.base, space.path.parent),
        data=space.data,
        dev=tuple(load_suite(path) for path in space.dev),
        seed=0,
        sweep_folder=tmp_path,
    )
    seen: list[bool] = []

    def slowly(event: Event) -> None:
        time.sleep(0.01)
        seen.append((tmp_path / "written").exists())

    worker = kind(setup)
    try:
        worker.train(Cohort(()), slowly)
    finally:
        worker.close()
    assert len(seen) == STEPS
    assert any(seen) == is_early
    assert (tmp_path / "written").exists()
