"""MLflow's database appears whole or not at all, whenever its maker dies."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from sweeper.tracking.runs import make_client

MAKE = "import sys; from sweeper.tracking.runs import make_client; make_client(sys.argv[1])"


def test_a_maker_that_is_killed_among_the_migrations_leaves_nothing(tmp_path: Path) -> None:
    database = tmp_path / "mlruns" / "mlflow.db"
    maker = subprocess.Popen([sys.executable, "-c", MAKE, f"sqlite:///{database}"])
    deadline = time.monotonic() + 120
    while not any(path.stat().st_size for path in tmp_path.glob("mlruns/mlflow-*/mlflow.db*")):
        assert time.monotonic() < deadline
        assert maker.poll() is None
        time.sleep(0.005)
    os.kill(maker.pid, signal.SIGKILL)
    maker.wait()
    assert not database.exists()
    client = make_client(f"sqlite:///{database}")
    assert client.get_experiment_by_name("Default") is not None


def test_two_makers_end_with_one_database(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    makers = [subprocess.Popen([sys.executable, "-c", MAKE, uri]) for _ in range(2)]
    assert [maker.wait(timeout=120) for maker in makers] == [0, 0]
    assert make_client(uri).get_experiment_by_name("Default") is not None
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]
