"""A merge holds pieces of tensors and never the model."""

import json
import subprocess
import sys
from pathlib import Path

from tests.promote.measure_merge import make

SLACK_BYTES = 200_000_000


def test_the_peak_is_a_few_pieces_and_a_merge_that_keeps_all_is_seen(tmp_path: Path) -> None:
    largest = make(tmp_path, layers=4)
    command = [sys.executable, "-m", "tests.promote.measure_merge", str(tmp_path), "0"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True)
    _, ours, hoarding = json.loads(done.stdout)
    print(
        f"largest tensor {largest / 1e6:.0f} MB, ours {ours / 1e6:.0f} MB, hoarding {hoarding / 1e6:.0f} MB"
    )
    assert ours < 2 * largest + SLACK_BYTES < hoarding
