"""`sweep stop` reaches the process that runs the sweep, and no other."""

import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.commands.stop import stop
from sweeper.errors import InputError
from tests.commands.home_with_sweep import home_with_sweep

HOLD = """
import sys, time
from pathlib import Path
from sweeper.lock import held_lock
try:
    with held_lock(Path(sys.argv[1]), "it"):
        print("held", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_the_holder_of_the_lock_is_interrupted(tmp_path: Path) -> None:
    home = home_with_sweep(tmp_path)
    command = [sys.executable, "-c", HOLD, str(home.sweep("tickets").lock)]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    assert driver.stdout.readline() == "held\n"
    stop(home, "tickets")
    assert driver.wait(timeout=10) == 130
    driver.stdout.close()


def test_a_number_left_in_the_file_is_nobody(tmp_path: Path) -> None:
    """A dead driver's process id may be another program's by now."""
    home = home_with_sweep(tmp_path)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        home.sweep("tickets").lock.write_text(str(bystander.pid))
        with pytest.raises(InputError, match="not running"):
            stop(home, "tickets")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
