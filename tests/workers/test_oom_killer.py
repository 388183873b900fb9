"""A worker that Linux killed for memory is told from one that somebody else killed."""

import os
import signal
from pathlib import Path
from typing import ClassVar

import pytest

from sweeper.errors import TrainingError, WorkerOutOfMemory
from sweeper.memory.plan import Cohort
from sweeper.scoring.load_suite import load_suite
from sweeper.space.load import load_space
from sweeper.workers import oom_killer
from sweeper.workers.link import Link
from sweeper.workers.oom_killer import oom_kill_count
from sweeper.workers.spawned import MakeBench, SpawnedWorker
from sweeper.workers.worker import Emit, WorkerFacts, WorkerSetup
from tests.driver.spaces import save_scripted_space


class DyingBench:
    def __init__(self, setup: WorkerSetup, link: Link) -> None:
        pass

    def facts(self) -> WorkerFacts:
        return WorkerFacts((20,), (10,), ())

    def train(self, cohort: Cohort, emit: Emit) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Dying(SpawnedWorker):
    make_bench: ClassVar[MakeBench] = DyingBench


def test_linux_tells_how_many_it_has_killed() -> None:
    count = oom_kill_count()
    assert count is None or count >= 0


@pytest.mark.parametrize(("kills", "kind"), [(7, WorkerOutOfMemory), (6, TrainingError)])
def test_a_kill_counts_as_out_of_memory_only_where_linux_counted_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int, kind: type[TrainingError]
) -> None:
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("nr_free_pages 12\noom_kill 6\n")
    monkeypatch.setattr(oom_killer, "VMSTAT", vmstat)
    space = load_space(save_scripted_space(tmp_path / "space"))
    setup = WorkerSetup(
        base=None,  # type: ignore[arg-type]
        data=space.data,
        dev=(load_suite(space.dev[0]),),
        seed=1,
        sweep_folder=tmp_path / "state",
    )
    worker = Dying(setup)
    try:
        worker.facts()
        vmstat.write_text(f"nr_free_pages 12\noom_kill {kills}\n")
        with pytest.raises(TrainingError) as raised:
            worker.train(Cohort(()), lambda event: None)
    finally:
        worker.close()
    assert type(raised.value) is kind
    assert ("memory ran out" in str(raised.value)) == (kills == 7)
