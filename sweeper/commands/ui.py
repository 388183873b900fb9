"""`sweep ui`: MLflow's own UI on the store of this home."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import FrameType

from sweeper.errors import InputError, UnavailableError
from sweeper.home import Home
from sweeper.tracking.links import experiment_ids, trials_link

_PORTS_TRIED = 50
_LOG_FILE = "mlflow_ui.log"
_GRACE_SECONDS = 5.0


def ui(home: Home, port: int) -> None:
    """Serves until Ctrl-C or SIGTERM, on this machine only.

    Raises InputError where nothing was logged yet, UnavailableError where no port is free.
    """
    if not Path(home.mlflow_uri.removeprefix("sqlite:///")).is_file():
        raise InputError(
            str(home.mlruns), "no sweep was logged here yet", "Start one with `sweep start SPACE`"
        )
    port = free_port(port)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", home.mlflow_uri]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    _print_links(home, f"http://127.0.0.1:{port}")
    environment = {"MLFLOW_DISABLE_TELEMETRY": "true", **os.environ}
    log_path = home.mlruns / _LOG_FILE
    with open(log_path, "w", encoding="utf-8") as log:
        # In a session of its own, so that it can be ended whole: MLflow puts processes under itself.
        server = subprocess.Popen(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            signal.signal(signal.SIGTERM, _as_ctrl_c)
            code = server.wait()
        except KeyboardInterrupt:
            return
        finally:
            _end(server)
    raise UnavailableError(
        f"MLflow's UI ended by itself with exit code {code}; what it said is in {log_path}."
    )


def _as_ctrl_c(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end(server: "subprocess.Popen[bytes]") -> None:
    """All processes of the server: asked first, killed where they take too long."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):  # they have all ended
            os.killpg(server.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(_GRACE_SECONDS)


def _print_links(home: Home, server: str) -> None:
    """MLflow's front page does not show trials; these links do."""
    ids = experiment_ids(home)
    for name in home.sweep_names():
        if name in ids:
            print(f"{name}: {trials_link(server, ids[name])}")
    print(f"MLflow: {server}   (Ctrl-C ends it)", flush=True)


def free_port(first: int) -> int:
    """`first`, or the next port that nobody listens on. Raises UnavailableError where all are taken."""
    last = min(first + _PORTS_TRIED, 65536)
    for port in range(first, last):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise UnavailableError(f"No port from {first} to {last - 1} is free: give another with --port.")
