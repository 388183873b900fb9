"""The predicted peak against the resident memory of a process that trains the real model."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "memory_cpu.py"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_prediction_is_within_five_per_cent_of_resident_memory() -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--json", "1"],
        env=os.environ | {"OMP_NUM_THREADS": "2"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    (row,) = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert row["measured_bytes"] > 10**9
    assert row["predicted_bytes"] == pytest.approx(row["measured_bytes"], rel=0.05)
