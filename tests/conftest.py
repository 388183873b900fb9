"""Settings for all tests, before anything heavy is imported."""

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

# Tiny matmuls gain nothing from threads and wait for each other where other processes run.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that starts the tests in the background has them ignore SIGINT, and so all that they start.
if (
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    and threading.current_thread() is threading.main_thread()
):
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def _mlflow_databases_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """MLflow's migrations take seconds: they run once, and each test's home begins with a copy of the result.

    How a database is really made is tested in tests/tracking/test_database.py.
    """
    from sweeper.tracking import runs

    whole = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    really_make = runs.make_database
    really_make(f"sqlite:///{whole}")

    def copied(uri: str) -> None:
        path = Path(uri.removeprefix("sqlite:///"))
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.{os.getpid()}.part")
            shutil.copyfile(whole, part)
            part.rename(path)

    runs.make_database = copied
    yield
    runs.make_database = really_make


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The real ones first: they take minutes, and one begun last would leave the other cores idle."""
    items.sort(key=lambda item: "real" not in item.path.parts)
