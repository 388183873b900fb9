"""llama.cpp's own quantiser: its program, where it lies on this machine, or llama-cpp-python's library."""

import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sweeper.errors import SweepError
from sweeper.serving.llama_server import find_llama_program

_PROGRAM = "llama-quantize"
_LIBRARY = "llama_cpp"
_BUILT_IN = ("build/bin", "bin", ".")
"""Where a checkout of llama.cpp has its programs when it is built."""


@dataclass(frozen=True, slots=True)
class Quantizer:
    """`command` takes a source, a target and a type behind it."""

    command: tuple[str, ...]


def find_quantizer(checkout: Path | None = None) -> Quantizer | None:
    """In the user's own checkout of llama.cpp, beside `ollama`, on the PATH, or in llama-cpp-python.

    None where it is in none of them.
    """
    if checkout is not None:
        folder = checkout if checkout.is_dir() else checkout.parent
        for place in _BUILT_IN:
            if (program := folder / place / _PROGRAM).is_file():
                return Quantizer((str(program),))
    if (found := find_llama_program(_PROGRAM)) is not None:
        return Quantizer((str(found),))
    if importlib.util.find_spec(_LIBRARY) is not None:
        return Quantizer((sys.executable, "-m", "sweeper.serving.llama_cpp_library"))
    return None


def quantize(quantizer: Quantizer, source: Path, target: Path, quantization: str, log: Path) -> None:
    """Writes `target`. What the quantiser says goes to `log`.

    Raises SweepError with its last line where it fails; then there is no `target`.
    """
    command = [*quantizer.command, str(source), str(target), quantization.upper()]
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT)
    if done.returncode != 0 or not target.is_file():
        target.unlink(missing_ok=True)
        said = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
        reason = next((line.rstrip(".") for line in reversed(said) if line), "it said nothing")
        raise SweepError(f"llama.cpp's quantiser made no {quantization}: {reason}. Its log is {log}.")
