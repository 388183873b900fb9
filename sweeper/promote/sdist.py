"""The pinned source of llama.cpp: PyPI's llama-cpp-python carries the whole tree in its sdist.

`python -m sweeper.promote.sdist` prints the path of the checked archive; the tests' build of Ollama
uses it too, so it is downloaded once.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sweeper.errors import UnavailableError

VERSION = "0.3.36"
ROOT = f"llama_cpp_python-{VERSION}/vendor/llama.cpp"
"""Where llama.cpp lies inside the archive."""

_ARCHIVE = f"llama_cpp_python-{VERSION}.tar.gz"
_SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"


def cache_root() -> Path:
    """SWEEPER_CACHE, or ~/.cache/sweeper. What lies there can be made again."""
    return Path(os.environ.get("SWEEPER_CACHE") or Path.home() / ".cache" / "sweeper")


def fetch_sdist() -> Path:
    """The archive (77 MB) in the cache, downloaded if it is not there.

    Raises UnavailableError where pip cannot get it or its hash is another one.
    """
    target = cache_root() / _ARCHIVE
    if target.is_file() and _sha256(target) == _SHA256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="download-") as folder:
        _download(Path(folder))
        archive = Path(folder) / _ARCHIVE
        found = _sha256(archive) if archive.is_file() else "nothing"
        if found != _SHA256:
            raise UnavailableError(f"The download of {_ARCHIVE} has sha256 {found}, not {_SHA256}: not used.")
        archive.replace(target)
    return target


def _download(folder: Path) -> None:
    """pip asks the registry that the user has set, with the user's certificates and proxies."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:"]
    command += ["--dest", str(folder), "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, f"llama-cpp-python=={VERSION}"], capture_output=True, text=True)
    if done.returncode != 0:
        reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = (reasons or done.stderr.splitlines() or ["no reason given"])[-1]
        raise UnavailableError(
            f"pip could not download llama-cpp-python {VERSION}, which carries llama.cpp's converter: "
            f"{reason}. Connect to a package index, or give --converter a checkout of llama.cpp."
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    try:
        print(fetch_sdist())
    except UnavailableError as error:
        sys.exit(str(error))
