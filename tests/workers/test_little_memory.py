"""Allocations that really fail: a worker's process under RLIMIT_AS."""

import json
import subprocess
import sys
from pathlib import Path

from sweeper.training.out_of_memory import requested_bytes


def test_a_real_failure_goes_on_with_half_the_micro_batch_to_the_same_adapter(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.workers.little_memory", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    (failure,) = told["failures"]
    assert "can't allocate memory" in failure or failure.startswith("MemoryError")
    assert (requested_bytes(RuntimeError(failure)) or 0) >= 0
    assert told["completed"] == [0, 1]
    assert told["difference"] < 1e-4
