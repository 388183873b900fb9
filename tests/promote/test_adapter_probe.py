"""A server is asked whether it answers with adapters, and left as it was found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import SweepError, UnavailableError
from sweeper.promote.adapter_probe import refuse_without_adapters, takes_adapters
from sweeper.serving.ollama import ChatAnswer, Message, OllamaClient


class Server(OllamaClient):
    """Says "b" for a model with an adapter, "a" for others."""

    def __init__(self) -> None:
        self.url = "http://fake"
        self.kept: dict[str, str | None] = {}
        self.knows_adapters = True
        self.fails_to_load = False

    def upload(self, path: Path, *_: Any) -> str:
        from gguf import GGUFReader

        assert GGUFReader(path).tensors
        return path.name

    def create(self, model: str, *, adapter_digest: str | None = None, **_: Any) -> None:
        self.kept[model] = adapter_digest if self.knows_adapters else None

    def chat(
        self, model: str, messages: Sequence[Message], options: Mapping[str, Any], *_: Any, **__: Any
    ) -> ChatAnswer:
        if self.fails_to_load and self.kept[model]:
            raise SweepError("loras are not yet implemented")
        return ChatAnswer("b" if self.kept[model] else " a", 1, 1, "length")

    def delete(self, model: str) -> bool:
        return self.kept.pop(model, "gone") != "gone"


@pytest.mark.parametrize("fault", [None, "knows_adapters", "fails_to_load"])
def test_only_a_server_that_answers_with_them_takes_adapters(fault: str | None) -> None:
    server = Server()
    if fault is not None:
        setattr(server, fault, not getattr(server, fault))
    assert takes_adapters(server) is (fault is None)
    assert server.kept == {}


def test_the_refusal_is_one_line() -> None:
    server = Server()
    refuse_without_adapters(server)
    server.knows_adapters = False
    with pytest.raises(UnavailableError) as error:
        refuse_without_adapters(server)
    told = "Ollama at http://fake does not answer with adapters: write `form: merged`, or upgrade it."
    assert str(error.value) == told
