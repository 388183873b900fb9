"""A place for each worker."""

import pytest

from sweeper.errors import InputError
from sweeper.models.devices import Place, places
from sweeper.space.workers_section import WorkerSettings


@pytest.mark.parametrize(
    ("settings", "cuda", "expected"),
    [
        (WorkerSettings(), 0, (Place("cpu"),)),
        (WorkerSettings(processes=2), 0, (Place("cpu", 4), Place("cpu", 4))),
        (WorkerSettings(processes=3), 0, (Place("cpu", 2),) * 3),
        (WorkerSettings(processes=16), 0, (Place("cpu", 1),) * 16),
        (WorkerSettings(), 2, (Place("cuda:0"), Place("cuda:1"))),
        (WorkerSettings(devices=(1,)), 2, (Place("cuda:1"),)),
        (WorkerSettings(devices=(), processes=2), 2, (Place("cpu", 4), Place("cpu", 4))),
    ],
)
def test_where_workers_are(settings: WorkerSettings, cuda: int, expected: tuple[Place, ...]) -> None:
    assert places(settings, cuda, cores=8) == expected


@pytest.mark.parametrize(
    ("settings", "cuda", "message"),
    [
        (WorkerSettings(devices=(0,)), 0, "names CUDA device 0, and there are none here"),
        (WorkerSettings(devices=(0, 3)), 2, "names CUDA device 3, and there are 2 of them here"),
        (WorkerSettings(processes=2), 1, "is 2, and trials train on CUDA devices here"),
    ],
)
def test_what_is_not_there_is_told(settings: WorkerSettings, cuda: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        places(settings, cuda, cores=8)
