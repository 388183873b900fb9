"""Runs one scorer function and writes its result as JSON. A program: it imports nothing of sweeper.

Reads {file, function, seconds, memory_bytes, asked} from its input. What the function
prints goes nowhere: the result goes out by a descriptor that the function is not told of.
"""

import contextlib
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    result = _hide_output()
    request = json.load(sys.stdin)
    # The alarm ends the process even where whoever waits for it is gone.
    signal.setitimer(signal.ITIMER_REAL, request["seconds"])
    _limit_memory(request["memory_bytes"])
    told = _told(request)
    with os.fdopen(result, "w", encoding="utf-8") as out:
        json.dump(told, out)
    os.killpg(0, signal.SIGKILL)  # with all that the function has started


def _hide_output() -> int:
    """Sends what is printed from now on nowhere. Gives the descriptor of the real output."""
    result = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return result


def _limit_memory(memory_bytes: int) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # not every system has these limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _told(request: dict[str, Any]) -> dict[str, Any]:
    try:
        function = getattr(_module(Path(request["file"])), request["function"])
        asked = request["asked"]
        returned = function(asked["answer"], asked["expected"], asked["prompt"])
    except MemoryError:
        return {
            "kind": "error",
            "content": f"took more than {request['memory_bytes'] / 2**20:g} MB of memory",
        }
    except SystemExit:
        return {"kind": "error", "content": "called exit()"}
    except BaseException as error:  # the user's code: whatever it raises is a result here
        return {"kind": "error", "content": f"raised {type(error).__name__}: {_safely(str, error)}"}
    score, reason = returned if _is_pair(returned) else (returned, "")
    content = {"score": _plain(score), "reason": reason if isinstance(reason, str) else None}
    return {"kind": "result", "content": {**content, "shown": _safely(repr, returned)}}


def _module(path: Path) -> Any:
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _is_pair(returned: Any) -> bool:
    return isinstance(returned, (tuple, list)) and len(returned) == 2


def _plain(score: Any) -> Any:
    """A number as JSON has it, numpy's too; anything else is None."""
    is_number = isinstance(score, (bool, int, float)) or type(score).__module__ == "numpy"
    try:
        number = float(score) if is_number else None
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) < 1e300 else None


def _safely(show: Any, value: Any) -> str:
    try:
        return str(show(value))[:200].encode("utf-8", "replace").decode()
    except BaseException as error:
        return f"something whose text raises {type(error).__name__}"


if __name__ == "__main__":
    main()
