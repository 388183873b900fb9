"""The client against servers that misbehave: whatever happens, it is told in one line."""

import hashlib
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from sweeper.errors import InputError, SweepError, UnavailableError
from sweeper.serving.ollama import OllamaClient

USER = [{"role": "user", "content": "Hello"}]


@contextmanager
def serving(reply: Any) -> Iterator[OllamaClient]:
    """A server on a free port that answers each request by `reply(handler, body)`."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            reply(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        do_GET = do_POST = do_HEAD = do_DELETE = _any

        def log_message(self, format: str, *args: Any) -> None:
            """Keeps the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield OllamaClient(f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def say(handler: BaseHTTPRequestHandler, *lines: Any, status: int = 200, claimed: int = 0) -> None:
    """Answers with lines of JSON; `claimed` bytes more are announced and never sent."""
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(content) + claimed))
    handler.end_headers()
    handler.wfile.write(content)


def test_nothing_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(UnavailableError) as error:
            OllamaClient.connect(f"127.0.0.1:{port}")
    assert f"No Ollama answers at http://127.0.0.1:{port}: start it with `ollama serve`" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("answer", [{"something": "else"}, "not an object", ["version"]])
def test_something_else_listens(answer: Any) -> None:
    with serving(lambda handler, body: say(handler, answer)) as client, pytest.raises(UnavailableError):
        OllamaClient.connect(client.url)


def test_the_host_is_none() -> None:
    with pytest.raises(InputError, match="OLLAMA_HOST"):
        OllamaClient.connect("http://[gpu")


def close(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.connection.close()


def telling(*lines: Any, **options: int) -> Any:
    return lambda handler, body: say(handler, *lines, **options)


BEGUN = {"status": "parsing GGUF"}


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        pytest.param(close, "broke off at creating bot: .* Its own log tells why", id="closes"),
        pytest.param(telling(BEGUN, claimed=99), "broke off at creating bot", id="dies midway"),
        pytest.param(telling(BEGUN), r"without success: \['parsing GGUF'\]", id="stops midway"),
        pytest.param(
            telling(BEGUN, {"error": "llama-quantize failed:\nexit status 127."}),
            r"failed at creating bot: llama-quantize failed: exit status 127\.$",
            id="tells an error midway",
        ),
        pytest.param(
            telling({"error": "invalid model name"}, status=400),
            "failed at creating bot: invalid model name",
            id="refuses",
        ),
    ],
)
def test_a_creation_fails(reply: Any, told: str) -> None:
    with serving(reply) as client, pytest.raises(SweepError, match=told) as error:
        client.create("bot", file_digest="sha256:1")
    assert client.url in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        pytest.param(close, "broke off at rendering a prompt of bot", id="closes"),
        pytest.param(
            telling({"error": "no bot"}, status=404), "rendering a prompt of bot: .*no bot", id="404"
        ),
    ],
)
def test_a_rendering_fails(reply: Any, told: str) -> None:
    with serving(reply) as client, pytest.raises(SweepError, match=told):
        client.render("bot", USER)


def test_a_server_that_does_not_show_its_prompts_answers_with_one_token() -> None:
    asked: list[Any] = []

    def answer(handler: Any, body: bytes) -> None:
        asked.append(json.loads(body))
        say(handler, {"message": {"role": "assistant", "content": "Hi"}, "done": True})

    with serving(answer) as client:
        assert client.render("bot", USER) is None
    assert asked[0]["options"] == {"num_predict": 1}


def test_the_server_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeper.serving.ollama._TIMEOUT", httpx.Timeout(0.2))
    with serving(lambda handler, body: time.sleep(0.5)) as client, pytest.raises(SweepError) as error:
        client.chat("bot", USER, {})
    assert "said nothing for 0 s at answering as bot" in str(error.value)


def test_an_answer_that_was_given_up_has_no_done_reason() -> None:
    answer = {"message": {"role": "assistant", "content": "no no no"}, "done": False}
    with serving(lambda handler, body: say(handler, answer)) as client:
        assert client.chat("bot", USER, {}).done_reason == ""


def test_a_file_is_sent_once(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"x" * 3_000_000)
    requests: list[str] = []

    def reply(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        requests.append(handler.command)
        if handler.command == "POST":
            while (size := int(handler.rfile.readline(), 16)) > 0:
                handler.rfile.read(size + 2)
            handler.rfile.readline()
        handler.send_response(404 if requests == ["HEAD"] else 200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    shares: list[float] = []
    with serving(reply) as client:
        digest = client.upload(path, shares.append)
        assert client.upload(path) == digest
    assert requests == ["HEAD", "POST", "HEAD"]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert digest == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def read_a_little_and_close(handler: BaseHTTPRequestHandler) -> None:
    handler.rfile.read(100_000)
    handler.connection.shutdown(socket.SHUT_RDWR)


def read_a_little_and_refuse(handler: BaseHTTPRequestHandler) -> None:
    handler.rfile.read(100_000)
    say(handler, {"error": "write /models/blobs/sha256-1: no space left on device"}, status=500)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        pytest.param(read_a_little_and_close, "broke off at taking model.gguf: ", id="closes in mid-upload"),
        pytest.param(
            read_a_little_and_refuse,
            "failed at taking model.gguf: write /models/blobs/sha256-1: no space left on device.",
            id="full",
        ),
    ],
)
def test_an_upload_fails(fault: Any, told: str, tmp_path: Path) -> None:
    """The file is larger than what the sockets' buffers take, so it is still being sent."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"x" * 30_000_000)
    reply = sending(fault)
    with serving(reply) as client, pytest.raises(SweepError) as error:
        client.upload(path)
    assert str(error.value).startswith(f"Ollama at {client.url} {told}")
    assert "\n" not in str(error.value)


def sending(reply: Any) -> Any:
    """A server that has no file yet, and answers by `reply` to one that comes."""

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if handler.command == "POST":
            reply(handler)
        else:
            say(handler, status=404)

    return answer


def test_a_server_that_is_slow_to_take_a_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeper.serving.ollama._TIMEOUT", httpx.Timeout(60.0, read=0.2))
    path, is_told = tmp_path / "model.gguf", Event()
    path.write_bytes(b"x")
    with serving(sending(lambda handler: is_told.wait(60))) as client:
        with pytest.raises(SweepError) as error:
            client.upload(path)
        is_told.set()
    assert str(error.value) == f"Ollama at {client.url} said nothing for 0 s at taking model.gguf."


def test_a_store_that_runs_full_in_a_creation_is_told() -> None:
    full = telling(BEGUN, {"error": "write /models/blobs/sha256-2: no space left on device"})
    with serving(full) as client, pytest.raises(SweepError, match=r"creating bot: .*no space left on device"):
        client.create("bot", file_digest="sha256:1")


def test_a_digest_is_found_whatever_the_case_of_the_name() -> None:
    models = {"models": [{"name": "Bot:latest", "digest": "abc"}]}
    with serving(lambda handler, body: say(handler, models)) as client:
        assert client.digest("bot:latest") == "abc"
        assert client.digest("other:latest") is None
