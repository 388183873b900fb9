"""OLLAMA_HOST is read as Ollama reads it."""

import pytest

from sweeper.serving.host import is_loopback, server_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("  ", "http://127.0.0.1:11434"),
        ('"1.2.3.4"', "http://1.2.3.4:11434"),
        ("1.2.3.4:5000", "http://1.2.3.4:5000"),
        (":5000", "http://127.0.0.1:5000"),
        ("gpu-box", "http://gpu-box:11434"),
        ("gpu-box:", "http://gpu-box:11434"),
        ("gpu-box:port", "http://gpu-box:11434"),
        ("gpu-box:70000", "http://gpu-box:11434"),
        ("http://gpu-box", "http://gpu-box:80"),
        ("https://gpu-box", "https://gpu-box:443"),
        ("https://gpu-box:8443/ollama/", "https://gpu-box:8443/ollama"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:5000", "http://127.0.0.1:5000"),
        ("::1", "http://[::1]:11434"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("[::]", "http://[::1]:11434"),
    ],
)
def test_hosts(text: str, url: str) -> None:
    assert server_url(text) == url


def test_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:5001")
    assert server_url() == "http://127.0.0.1:5001"
    monkeypatch.delenv("OLLAMA_HOST")
    assert server_url() == "http://127.0.0.1:11434"


def test_no_proxy_stands_before_this_machine() -> None:
    assert is_loopback("http://127.0.0.1:11434")
    assert is_loopback("http://[::1]:11434")
    assert is_loopback("http://localhost:11434")
    assert not is_loopback("http://gpu-box:11434")
