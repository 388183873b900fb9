"""A scorer of the user's own: a function in a Python file, run in a process of its own.

The process has a time and a memory limit, no input, and nothing of its output is read but the
function's result. That guards a sweep against mistakes, not against a file that means harm: such a
file can read and write what its user can. So it takes `allow_code: true` in the suite.
"""

import ast
import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sweeper.errors import InputError
from sweeper.scoring.assertions.kind import Asked, Context, Kind, Verdict, mapping, number_in
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.text_file import read_text, similar_file
from sweeper.space.wording import shown

_RUNNER = Path(__file__).with_name("python_runner.py")
_KEYS = ("file", "function", "seconds", "memory_mb")
_LONGEST_REASON = 300
_START_SECONDS = 10.0
"""What Python itself may take to start on a busy machine; the limit is counted from then on."""


def read_python(value: Any, context: Context) -> dict[str, Any]:
    """FILE, FILE:FUNCTION, or {file, function, seconds, memory_mb}. The file is read, and not run."""
    if not context.allow_code:
        problem = "runs code of a file, which this suite does not allow"
        raise BrokenRule(problem, "Read the file, then write `allow_code: true` into the suite", at_key=True)
    if isinstance(value, str):
        stem, _, name = value.partition(".py:")
        value = {"file": f"{stem}.py", "function": name} if name else {"file": value}
    given = mapping(value, _KEYS)
    file, function = given.get("file"), given.get("function", "score")
    if not isinstance(file, str) or not file.endswith(".py"):
        raise BrokenRule(f"is {shown(file)}, must be a .py file", "Write `value: my_scorer.py`")
    path = Path(os.path.abspath(context.folder / os.path.expanduser(file)))
    _check_function(path, function)
    seconds = number_in(given, "seconds", 5.0, at_least=0.1)
    memory = number_in(given, "memory_mb", 2048, at_least=64)
    return {"file": str(path), "function": function, "seconds": seconds, "memory_bytes": int(memory * 2**20)}


def python(asked: Asked, value: dict[str, Any]) -> Verdict:
    """What FUNCTION(answer, expected, prompt) returns: true or false, a number from 0 to 1, or one of
    these with a reason. Anything else that happens scores 0 and is told."""
    request = json.dumps({**value, "asked": asdict(asked)})
    process = subprocess.Popen(
        [sys.executable, "-I", str(_RUNNER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(request, timeout=_START_SECONDS + value["seconds"] + 1)
    except subprocess.TimeoutExpired:
        _end(process)
        return Verdict(0.0, _too_long(value))
    if process.returncode == -signal.SIGALRM:
        _end_group(process)
        return Verdict(0.0, _too_long(value))
    return _verdict(output, process.returncode, value)


def _end(process: "subprocess.Popen[str]") -> None:
    """Ends it and all that it started. Its pipe is closed here: a child that fled may hold the other end."""
    _end_group(process)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _end_group(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _verdict(output: str, code: int, value: dict[str, Any]) -> Verdict:
    name = value["function"]
    try:
        told = json.loads(output)
        kind, content = told["kind"], told["content"]
    except (ValueError, KeyError, TypeError):
        return Verdict(0.0, f"{name} ended its process (code {code}) without a result")
    if kind == "error":
        return Verdict(0.0, f"{name} {content}"[:_LONGEST_REASON])
    score, reason = content["score"], content["reason"]
    is_score = isinstance(score, (int, float)) and math.isfinite(score) and 0 <= score <= 1
    if not is_score or not isinstance(reason, str):
        problem = f"{name} returned {content['shown']}, must be a number from 0 to 1"
        return Verdict(0.0, problem[:_LONGEST_REASON])
    return Verdict(float(score), " ".join(reason.split())[:_LONGEST_REASON] or f"{name} gives {score:g}")


def _too_long(value: dict[str, Any]) -> str:
    return f"{value['function']} was stopped after {value['seconds']:g} s"


def _check_function(path: Path, function: Any) -> None:
    if not path.is_file():
        raise BrokenRule(f"names {path}, and there is no such file", similar_file(path))
    try:
        tree = ast.parse(read_text(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        problem = f"names {path}, which is no Python" + (f" (line {line})" if line else "")
        raise BrokenRule(problem, "Correct the file") from None
    except InputError as error:
        raise BrokenRule(f"names {path}: {error.problem}", error.fix) from None
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    if function not in defined:
        known = f"It defines {', '.join(defined)}" if defined else "It defines no function"
        problem = f"names {path}, which defines no function {shown(function)}"
        raise BrokenRule(problem, f"{known}: write FILE.py:FUNCTION")


KINDS = {"python": Kind(read_python, python)}
