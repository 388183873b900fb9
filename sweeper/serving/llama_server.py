"""llama.cpp's own server, for its tokenizer: the one that Ollama runs, where it lies on this machine."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from sweeper.errors import SweepError

_START_SECONDS = 300.0
_PROGRAM = "llama-server"


def find_llama_server() -> Path | None:
    return find_llama_program(_PROGRAM)


def find_llama_program(name: str) -> Path | None:
    """The program beside the `ollama` that the shell finds, else one that the shell finds itself."""
    ollama = shutil.which("ollama")
    if ollama is not None:
        beside = Path(ollama).resolve().parent.parent / "lib" / "ollama" / name
        if beside.is_file():
            return beside
    found = shutil.which(name)
    return Path(found) if found else None


@dataclass(frozen=True, slots=True)
class LlamaServer:
    """A running server with one model. Make it with `llama_server`."""

    http: httpx.Client

    def token_ids(self, text: str) -> list[int]:
        """How llama.cpp splits `text`; special tokens in it count as such, and none is added."""
        body = {"content": text, "add_special": False, "parse_special": True}
        try:
            ids: list[int] = self.http.post("/tokenize", json=body).raise_for_status().json()["tokens"]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise SweepError(f"{_PROGRAM} failed at splitting a text: {error}.") from error
        return ids


@contextmanager
def llama_server(program: Path, gguf: Path, log: Path) -> Iterator[LlamaServer]:
    """Runs `program` on a free port of this machine. Raises SweepError where it does not start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(program), "--model", str(gguf), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--ctx-size", "512", "--no-warmup", "--parallel", "1"]
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60.0, trust_env=False) as http:
            _wait(http, process, log)
            yield LlamaServer(http)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(http: httpx.Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if http.get("/health").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SweepError(f"{_PROGRAM} does not start with the converted file. Its log is {log}.")
