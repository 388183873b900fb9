"""An adapter that was trained on an nf4 base ends in the real Ollama, in the merge that is better on dev."""

import dataclasses
from pathlib import Path
from typing import Any

import torch

from sweeper.data.template import Template, template_of
from sweeper.models.load import Base, load_base
from sweeper.models.precision import Precision
from sweeper.models.reference import BaseReference
from sweeper.promote.adapter import LoraAdapter
from sweeper.promote.merge import loaded_base, merge_adapter, save_tokenizer
from sweeper.promote.merge_choice import Nf4Training
from sweeper.promote.promote import promote
from sweeper.promote.promotion import PromotionRequest
from sweeper.scoring.suite import Case
from sweeper.serving.ollama import OllamaClient
from sweeper.space.objective import TARGET_LOSS
from tests.real.smol import BRIEF, SETTINGS

NF4 = Precision(quantization="nf4")
ROW = Case("parcel", "My parcel has not come.", "", "category: delivery")
STEPS = 4


def stored(base: Base, folder: Path) -> BaseReference:
    """The base as a folder of .safetensors, as most users have theirs."""
    merge_adapter(loaded_base(base), LoraAdapter(Path(), {}, {}), folder)
    save_tokenizer(base.tokenizer, folder)
    return BaseReference("smollm2", str(folder), None)


def train(reference: BaseReference, folder: Path) -> Path:
    """A few steps on one row."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    base = load_base(reference, NF4)
    template = template_of(base.tokenizer)
    model: Any = get_peft_model(base.model, LoraConfig(r=4, lora_alpha=16, target_modules="all-linear"))
    optimizer = torch.optim.AdamW((each for each in model.parameters() if each.requires_grad), lr=2e-3)
    ids, labels = _row(template)
    for _ in range(STEPS):
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    return folder


def _row(template: Template) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and labels of ROW, of which the answer counts: [1, tokens] each."""
    prompt = template.token_ids(template.render(template.messages(ROW.instruction, ROW.input)))
    answer = template.token_ids(ROW.expected)
    return torch.tensor([[*prompt, *answer]]), torch.tensor([[*[-100] * len(prompt), *answer]])


def test_an_adapter_that_was_trained_on_nf4_is_promoted(
    smollm2: Base, ollama_client: OllamaClient, tmp_path: Path
) -> None:
    reference = stored(smollm2, tmp_path / "base")
    adapter = train(reference, tmp_path / "adapter")
    dev = dataclasses.replace(BRIEF, name="dev", cases=(ROW,))
    request = PromotionRequest(
        base=reference,
        adapter=adapter,
        suite=BRIEF,
        settings=SETTINGS,
        live_name="smol-nf4",
        work_dir=tmp_path / "work",
        reports=tmp_path / "reports",
        nf4=Nf4Training(NF4, (dev,), TARGET_LOSS),
    )
    promotion = promote(request, ollama_client)
    for proof in promotion.proofs:
        print(f"{proof.name}: {proof.detail}")
    print(promotion.merge, promotion.step_seconds)
    assert promotion.accepted
    assert all(proof.passed for proof in promotion.proofs)
    assert ollama_client.digest("smol-nf4:latest") == promotion.models[0].digest
    assert promotion.merge is not None
    losses = {into: getattr(promotion.merge, into).target_loss for into in ("dequantised", "original")}
    assert promotion.merge.taken == min(losses, key=lambda into: losses[into])
