"""`sweep ui` leaves no server behind, however it is ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweeper.commands.ui import free_port
from tests.driver.spaces import empty_mlflow

SERVER = """
import subprocess, sys, time
# As MLflow does: the server itself is a process under the one that was started.
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
"""Stands for `python -m mlflow`, which takes seconds to come up."""

UI = """
import sys
from pathlib import Path
from sweeper.commands.ui import ui
from sweeper.home import Home
ui(Home(Path(sys.argv[1])), int(sys.argv[2]))
"""


def is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_its_server_ends_with_it(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_mlflow())
    (tmp_path / "mlflow.py").write_text(SERVER)
    paths = os.pathsep.join((str(tmp_path), os.getcwd()))
    command = [sys.executable, "-c", UI, str(tmp_path), str(free_port(5600))]
    program = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE)
    try:
        log = tmp_path / "mlflow_ui.log"
        deadline = time.monotonic() + 60
        while not (log.exists() and log.read_text().strip().isdecimal()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server = int(log.read_text())
        assert is_there(server)
        program.send_signal(number)
        assert program.wait(60) == 0
        assert not is_there(server)
    finally:
        program.kill()
        program.wait()
