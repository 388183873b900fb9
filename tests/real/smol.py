"""SmolLM2 with a real adapter, for the tests that promote it: settings, and what the first promotion left."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.errors import ProofError
from sweeper.models.load import Base
from sweeper.promote.build import Built
from sweeper.promote.promotion import PromotionRequest
from sweeper.promote.publish import publish
from sweeper.promote.record import Record
from sweeper.scoring.suite import Case, Suite
from sweeper.serving.model_name import parse_model_name
from sweeper.serving.ollama import OllamaClient
from sweeper.space.promote_settings import GateSettings, Quantization
from sweeper.space.space import PromoteSettings

INSTRUCTIONS = (
    "Hi 12345, what's up?",
    "Translate 'good morning' into French.",
    "What is 17*23?",
    "Write a JSON object with name and age.",
    "Summarise: The cat sat on the mat.",
)
CASES = tuple(Case(f"case {number}", text, "", "42") for number, text in enumerate(INSTRUCTIONS))
SUITE = Suite("test", Path("test"), CASES, max_new_tokens=20)
SETTINGS = PromoteSettings("smol", {"num_thread": 1}, None)
"""Several processes test at once, and threads of llama.cpp that wait for a busy core burn it meanwhile."""
LIVE = "smol:latest"
QUANTIZED: tuple[Quantization, ...] = ("q8_0", "q4_K_M")
LENIENT = dataclasses.replace(
    SETTINGS, quantization=QUANTIZED, gate=GateSettings(min_agreement=0.1, max_quantization_loss=1.0)
)

BRIEF = dataclasses.replace(SUITE, cases=CASES[:2], max_new_tokens=16)
"""Where not every answer counts. Too few log probabilities for the fit of each tensor's scale, which
takes half a minute."""
STEADY = dataclasses.replace(SUITE, cases=(CASES[0], *CASES[3:]), max_new_tokens=14)
"""Where quantised models are held against f16: what so small a model still says in 8 bits."""


def save_adapter(base: Base, folder: Path, **changes: Any) -> Path:
    """As training leaves one: all linear layers, B no longer 0."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    settings: dict[str, Any] = {"r": 8, "lora_alpha": 32, "target_modules": "all-linear", **changes}
    model = get_peft_model(base.model, LoraConfig(**settings))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.01)
    model.save_pretrained(folder)
    model.unload()
    base.model.requires_grad_(False)
    return folder


def brief(built: Built, suite: Suite = BRIEF) -> Built:
    """What a part of SUITE needs of it."""
    names = {case.id for case in suite.cases}
    cases = tuple(prompt for prompt in built.cases if prompt.name in names)
    merged = dataclasses.replace(built.merged, max_new_tokens=suite.max_new_tokens)
    return dataclasses.replace(built, cases=cases, merged=merged)


@dataclasses.dataclass(frozen=True)
class Unpublished:
    """Files and proofs of before Ollama."""

    request: PromotionRequest
    built: Built
    record: Record


@dataclasses.dataclass(frozen=True)
class Promoted(Unpublished):
    """What the first, right promotion left: its files, its record, and the live name's digest."""

    digest: str


def new_record(
    client: OllamaClient, name: str = LIVE, quantizations: tuple[Quantization, ...] = ("f16",)
) -> Record:
    record = Record(parse_model_name(name), lambda step, share: None, quantizations)
    record.note_before(client)
    return record


def refused(
    promoted: Promoted, client: OllamaClient, suite: Suite = BRIEF, **changes: Any
) -> dict[str, bool]:
    """Publishes with a fault, which must be refused and leave the live name alone. Gives the proofs."""
    built = brief(promoted.built, suite)
    record = new_record(client)
    with pytest.raises(ProofError):
        publish(dataclasses.replace(built, **changes), suite, SETTINGS, client, record)
    assert client.digest(LIVE) == promoted.digest
    assert not [model.name for model in client.models() if "candidate" in model.name]
    return {proof.name: proof.passed for proof in record.proofs}
