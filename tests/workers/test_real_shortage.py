"""Allocations that really fail, in a process of its own under RLIMIT_DATA."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="limits and reads memory as Linux does")
def test_a_worker_whose_allocation_fails_goes_on_with_half_the_micro_batch(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.workers.short_of_memory", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["too_much"] > 1.5 * found["fits"] > 200e6
    ((micro_batch_size, reason),) = found["failures"]
    assert micro_batch_size == 4
    assert "can't allocate memory" in reason
    assert found["starts"] == [[0, 4, 1], [2, 2, 2]]  # the third step failed, so two were saved
    assert found["completed"] == [[0]]
    assert found["difference"] < 1
