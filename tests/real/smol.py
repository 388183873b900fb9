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
from sweeper.space.promote_settings import Quantization
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
SETTINGS = PromoteSettings("smol", {}, None)
LIVE = "smol:latest"


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


@dataclasses.dataclass(frozen=True)
class Promoted:
    """What the first, right promotion left: its files, its record, and the live name's digest."""

    request: PromotionRequest
    built: Built
    record: Record
    digest: str


def new_record(
    client: OllamaClient, name: str = LIVE, quantizations: tuple[Quantization, ...] = ("f16",)
) -> Record:
    record = Record(parse_model_name(name), lambda step, share: None, quantizations)
    record.note_before(client)
    return record


def refused(
    promoted: Promoted, client: OllamaClient, settings: PromoteSettings = SETTINGS, **changes: object
) -> dict[str, bool]:
    """Publishes with a fault, which must be refused and leave the live name alone. Gives the proofs."""
    record, built = new_record(client), dataclasses.replace(promoted.built, **changes)  # type: ignore[arg-type]
    with pytest.raises(ProofError):
        publish(built, SUITE, settings, client, record)
    assert client.digest(LIVE) == promoted.digest
    assert not [model.name for model in client.models() if "candidate" in model.name]
    return {proof.name: proof.passed for proof in record.proofs}
