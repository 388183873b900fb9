"""Any model is scored by the same code: a base, a base with an adapter, a model in Ollama."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sweeper.errors import InputError
from sweeper.models.reference import resolve_base
from sweeper.scoring.cache import AnswerCache
from sweeper.scoring.contender import Contender, Scoreboard, parse_contender
from sweeper.scoring.generate import no_progress
from sweeper.scoring.suite import Case, Suite
from sweeper.scoring.through_ollama import answer_in_ollama
from sweeper.serving.ollama import ChatAnswer, OllamaClient
from sweeper.space.trial_config import TrialConfig
from sweeper.training.adapter_files import save_adapter
from sweeper.training.slot_linear import LoraWeights
from tests.tiny_base import save_tiny_base

SUITE = Suite(
    "s", Path("s.yaml"), (Case("a", "Repeat.", "red", "red"), Case("b", "Repeat.", "cat", "cat")), 6
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_tiny_base(folder / "base")
    save(folder / "fits", layer="model.layers.0.self_attn.q_proj", size=32)
    save(folder / "wide", layer="model.layers.0.self_attn.q_proj", size=48)
    save(folder / "elsewhere", layer="model.layers.7.self_attn.q_proj", size=32)
    return folder


def save(folder: Path, layer: str, size: int) -> None:
    torch.manual_seed(0)
    weights = LoraWeights(
        nn.Parameter(torch.randn(2, size) * 3), nn.Parameter(torch.randn(size, 2) * 3), 16.0
    )
    save_adapter(folder, {layer: weights}, "base", TrialConfig(lora_rank=2, target_modules=("q_proj",)))


def answers(board: Scoreboard, contender: Contender) -> list[str]:
    return [answer.answer for answer in board.score(contender, SUITE, no_progress).answers]


def test_a_base_answers_otherwise_with_an_adapter_and_as_before_without(folder: Path, tmp_path: Path) -> None:
    base = resolve_base(str(folder / "base"), tmp_path)
    board = Scoreboard(AnswerCache(tmp_path))
    alone = answers(board, Contender("base", base=base))
    adapted = answers(board, Contender("adapter", base=base, adapter=folder / "fits"))
    assert adapted != alone
    assert answers(Scoreboard(AnswerCache(tmp_path / "new")), Contender("base", base=base)) == alone
    assert len(list(tmp_path.glob("*.json"))) == 2


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "wide",
            "is made for a layer model.layers.0.self_attn.q_proj of [48, 48], and the model's is [32, 32]",
        ),
        ("elsewhere", "changes the layer model.layers.7.self_attn.q_proj, which the model does not have"),
    ],
)
def test_an_adapter_of_another_base_is_refused(folder: Path, tmp_path: Path, name: str, told: str) -> None:
    base = resolve_base(str(folder / "base"), tmp_path)
    with pytest.raises(InputError) as caught:
        answers(Scoreboard(AnswerCache(tmp_path)), Contender(name, base=base, adapter=folder / name))
    assert told in str(caught.value)


def test_an_adapter_that_is_more_than_lora_is_refused(folder: Path, tmp_path: Path) -> None:
    save(tmp_path / "dora", layer="model.layers.0.self_attn.q_proj", size=32)
    config = tmp_path / "dora" / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "use_dora": True}))
    base = resolve_base(str(folder / "base"), tmp_path)
    with pytest.raises(InputError, match="use_dora is True, and only plain LoRA can be scored"):
        answers(Scoreboard(AnswerCache(tmp_path)), Contender("d", base=base, adapter=tmp_path / "dora"))


def test_what_a_user_may_compare_with(folder: Path) -> None:
    base = resolve_base(str(folder / "base"), folder)
    assert parse_contender("ollama:bot:v1", None) == Contender("ollama:bot:v1", ollama="bot:v1")
    assert parse_contender("base", base) == Contender("base", base=base)
    adapter = str(folder / "fits")
    assert parse_contender(adapter, base) == Contender(adapter, base=base, adapter=folder / "fits")
    assert parse_contender(str(folder / "base"), None).base == base
    for text in ("base", adapter):
        with pytest.raises(InputError, match="belongs to a base model, and none is named"):
            parse_contender(text, None)


class FakeOllama(OllamaClient):
    """At the seam of the client: answers with the last word that it is told."""

    def __init__(self) -> None:
        self.url = "http://fake"
        self.options: list[Any] = []

    def digest(self, model: str) -> str | None:
        return "sha256:1" if model == "bot:latest" else None

    def chat(
        self, model: str, messages: Any, options: Any, schema: Any = None, top_logprobs: int = 0
    ) -> ChatAnswer:
        self.options.append(options)
        return ChatAnswer(messages[-1]["content"].split()[-1] + " END more", 5, 3, "stop")


def test_a_model_in_ollama_is_asked_as_a_client_asks() -> None:
    client = FakeOllama()
    suite = Suite("s", Path("s.yaml"), SUITE.cases, 6, stop=(" END",), system="Brief.")
    prompts, found = answer_in_ollama(client, "bot", suite, no_progress)
    assert found.texts == ("red", "cat")
    assert (found.prompt_tokens, found.answer_tokens) == (10, 6)
    assert prompts[0] == "[system] Brief.\n[user] Repeat.\n\nred"
    assert {**client.options[0], "seed": 0} == {
        "temperature": 0.0,
        "seed": 0,
        "num_predict": 6,
        "stop": [" END"],
        "repeat_penalty": 1.0,
    }
    with pytest.raises(InputError, match="has no such model"):
        answer_in_ollama(client, "gone", suite, no_progress)
