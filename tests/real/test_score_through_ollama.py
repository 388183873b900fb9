"""The real model in the real Ollama: as judge, and as what a suite is asked of."""

from pathlib import Path

import pytest

from sweeper.scoring.assertions import judge as judges
from sweeper.scoring.generate import no_progress
from sweeper.scoring.suite import Case, Suite
from sweeper.scoring.through_ollama import answer_in_ollama
from sweeper.serving.ollama import OllamaClient
from sweeper.space.base import resolve_base
from tests.real.conftest import SMOLLM2
from tests.scoring.assertions.verdicts import verdict_of

MODEL = "scored:latest"


@pytest.fixture(scope="module")
def client(ollama_client: OllamaClient) -> OllamaClient:
    path = resolve_base(SMOLLM2, Path.cwd()).gguf_path
    assert path is not None
    ollama_client.create(MODEL, file_digest=ollama_client.upload(path))
    return ollama_client


def test_a_judge_replies_in_the_form_that_is_read(
    client: OllamaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judges, "client", lambda: client)
    value = {"model": "scored", "criterion": "Is the answer polite?"}
    found = verdict_of("judge", value, "You are very welcome, dear friend.")
    assert " of 10: " in found.reason, found.reason
    digest = client.digest(MODEL)
    assert digest is not None
    pinned = verdict_of("judge", {**value, "digest": digest[:20]}, "Go away.")
    assert " of 10: " in pinned.reason
    other = verdict_of("judge", {**value, "digest": "0123456789ab"}, "Go away.")
    assert "has the digest" in other.reason


def test_a_suite_is_answered_with_its_own_decoding(client: OllamaClient) -> None:
    cases = (
        Case("capital", "What is the capital of France?", "", "Paris"),
        Case("hi", "Say hello.", "", "x"),
    )
    suite = Suite("s", Path("s.yaml"), cases, 12, stop=(".",))
    prompts, found = answer_in_ollama(client, "scored", suite, no_progress)
    assert "Paris" in found.texts[0]
    assert not any("." in text for text in found.texts)
    assert 0 < found.answer_tokens <= 2 * 12
    assert found.prompt_tokens > len(cases)
    assert prompts[0] == "[user] What is the capital of France?"
