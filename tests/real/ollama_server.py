"""A real Ollama for tests: a build that `make ollama` leaves, on a free port, with its own folders."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sweeper.errors import UnavailableError
from sweeper.promote.sdist import cache_root
from sweeper.serving.ollama import OllamaClient

VERSION = "0.32.15"
OLDER = "0.11.4"
"""It shows neither prompts nor log probabilities, reads no Jinja, and has its engine compiled in."""
_START_SECONDS = 60.0


def ollama_build(version: str = VERSION) -> Path:
    """The folder that `make ollama` leaves."""
    return cache_root() / f"ollama-{version}"


@contextmanager
def ollama_server(folder: Path, version: str = VERSION) -> Iterator[str]:
    """Runs a server whose models, keys and log lie in `folder`. Gives its HOST:PORT."""
    build = ollama_build(version)
    program = build / "bin" / "ollama"
    engine = program if version == OLDER else build / "lib" / "ollama" / "llama-server"
    if not (program.is_file() and engine.is_file()):
        raise UnavailableError(f"The Ollama for the tests is not built in {build}: run `make ollama`.")
    host = f"127.0.0.1:{_free_port()}"
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("OMP_NUM_THREADS",)},
        "HOME": str(folder),
        "OLLAMA_HOST": host,
        "OLLAMA_MODELS": str(folder / "models"),
        # A build whose libraries know the folder they were built in only must find them here too.
        "LD_LIBRARY_PATH": str(build / "lib" / "ollama"),
    }
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen([str(program), "serve"], env=environment, stdout=log, stderr=log)
    try:
        _wait(host, server, folder / "server.log")
        yield host
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait(host: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Returns when the server answers. Raises UnavailableError where it ends, or does not within a minute."""
    deadline = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            OllamaClient.connect(host)
            return
        except UnavailableError:
            time.sleep(0.1)
    raise UnavailableError(f"The Ollama for the tests does not answer: {log.read_text()[-500:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
