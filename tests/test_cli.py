"""What the program prints before anything heavy is imported, and that it is before."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "transformers", "optuna", "mlflow", "pandas")
PROBE = """
import atexit, sys
def tell():
    found = [name for name in {heavy!r} if name in sys.modules]
    print("HEAVY", found, file=sys.stderr)
atexit.register(tell)
sys.argv = ["sweep", *{arguments!r}]
from sweeper.cli import main
main()
"""


def run(tmp_path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    code = PROBE.format(heavy=HEAVY, arguments=arguments)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 0),
        (("start", "--help"), 0),
        (("best", "nothing"), 2),
        (("ui",), 2),
        (("start", "missing.yaml"), 2),
        (("check", "bad.yaml"), 2),
        (("start", "bad.yaml"), 2),
        (("start", "bad_rows.yaml"), 2),
        (("promote", "nothing"), 2),
    ],
)
def test_help_and_mistakes_come_before_anything_heavy(
    tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"instruction": "a", "input": "b", "output": ""}\n')
    (tmp_path / "dev.jsonl").write_text('{"instruction": "a", "expected": "b"}\n')
    (tmp_path / "bad.yaml").write_text("nmae: x\n")
    (tmp_path / "bad_rows.yaml").write_text(
        "name: x\nmodel: {base: org/model}\ndata: {train: rows.jsonl}\nevaluation: {dev: dev.jsonl}\n"
    )
    done = run(tmp_path, *arguments)
    *lines, heavy = done.stderr.splitlines()
    assert heavy == "HEAVY []"
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if code == 2:
        assert len(lines) == 1
