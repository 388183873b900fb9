"""A scorer of the user's own costs a case at worst: it may raise, hang, print, exit or return nonsense."""

import os
import time
from pathlib import Path

import pytest

from sweeper.scoring.assertions.kind import Asked, Verdict
from sweeper.scoring.assertions.python_file import python


def run(folder: Path, body: str, seconds: float = 5.0, memory_bytes: int = 2**31) -> Verdict:
    path = folder / "scorer.py"
    path.write_text(body, encoding="utf-8")
    value = {"file": str(path), "function": "score", "seconds": seconds, "memory_bytes": memory_bytes}
    return python(Asked("Paris \x00 é", "Where?", "Paris"), value)


@pytest.mark.parametrize(
    ("returned", "score", "reason"),
    [
        ("answer.startswith(expected)", 1.0, "score gives 1"),
        ("prompt == 'Where'", 0.0, "score gives 0"),
        ("0.25", 0.25, "score gives 0.25"),
        ("(0.5, 'half\\nright')", 0.5, "half right"),
        ("__import__('decimal').Decimal(1)", 0.0, "returned Decimal('1'), must be a number from 0 to 1"),
        ("None", 0.0, "score returned None, must be a number from 0 to 1"),
        ("2", 0.0, "score returned 2, must be"),
        ("float('nan')", 0.0, "score returned nan, must be"),
        ("10 ** 400", 0.0, "must be a number from 0 to 1"),
        ("'1'", 0.0, "score returned '1', must be"),
        ("(1, 2, 3)", 0.0, "score returned (1, 2, 3), must be"),
        ("(1, None)", 0.0, "score returned (1, None), must be"),
        ("[][1]", 0.0, "score raised IndexError: list index out of range"),
        ("exit(0)", 0.0, "score called exit()"),
        ("__import__('os')._exit(3)", 0.0, "score ended its process (code 3) without a result"),
        ("bytearray(2 ** 32)", 0.0, "score took more than 2048 MB of memory"),
    ],
)
def test_what_it_returns(tmp_path: Path, returned: str, score: float, reason: str) -> None:
    found = run(tmp_path, f"def score(answer, expected, prompt):\n    return {returned}\n")
    assert found.score == score
    assert reason in found.reason


def test_what_it_prints_goes_nowhere(tmp_path: Path) -> None:
    body = """
import os, sys
print('{"kind": "result", "content": {"score": 1, "reason": "", "shown": ""}}')
def score(answer, expected, prompt):
    print("x" * 10_000_000)
    os.write(1, b"raw"); os.write(2, b"raw")
    sys.stdout.close()
    return 0.5
"""
    assert run(tmp_path, body) == Verdict(0.5, "score gives 0.5")


def test_a_file_that_does_not_load_is_told(tmp_path: Path) -> None:
    assert run(tmp_path, "import gone\n").reason == "score raised ModuleNotFoundError: No module named 'gone'"
    assert "raised AttributeError" in run(tmp_path, "x = 1\n").reason


def test_files_beside_it_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("VALUE = 0.5\n")
    assert run(tmp_path, "import beside\ndef score(a, e, p): return beside.VALUE\n").score == 0.5


@pytest.mark.parametrize(
    "hang",
    [
        "import time; time.sleep(600)",
        "while True: pass",
        "import signal, time; signal.signal(signal.SIGALRM, signal.SIG_IGN); time.sleep(600)",
    ],
)
def test_one_that_hangs_is_stopped_with_all_it_started(
    tmp_path: Path, hang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeper.scoring.assertions.python_file._START_SECONDS", 3.0)
    marker = tmp_path / "pid"
    body = f"""
import os, subprocess
def score(answer, expected, prompt):
    child = subprocess.Popen(["sleep", "600"])
    open({str(marker)!r}, "w").write(str(child.pid))
    {hang}
"""
    assert run(tmp_path, body, seconds=0.5) == Verdict(0.0, "score was stopped after 0.5 s")
    assert is_gone(int(marker.read_text()))


def test_children_end_with_a_scorer_that_returns(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    body = f"""
import subprocess
def score(answer, expected, prompt):
    child = subprocess.Popen(["sleep", "600"])
    open({str(marker)!r}, "w").write(str(child.pid))
    return 1
"""
    assert run(tmp_path, body).score == 1
    assert is_gone(int(marker.read_text()))


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has reaped yet has."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    os.kill(pid, 9)
    return False
