"""Saved adapters are PEFT's own kind of folder and give the same logits there."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.space.trial_config import TrialConfig
from sweeper.training.adapter_files import load_adapter, save_adapter
from sweeper.training.engine import Engine
from sweeper.training.slot import Slot
from sweeper.training.slot_linear import active_slots
from tests.training.tiny import random_rows, tiny_model

IDS = torch.arange(12)[None]


def trained_slot(engine: Engine, config: TrialConfig) -> Slot:
    slot = Slot(config, random_rows(16), engine.layers, 4, seed=0)
    for _ in engine.train([slot]):
        pass
    return slot


@pytest.mark.parametrize(
    "changes",
    [{}, {"target_modules": ("q_proj", "down_proj")}, {"use_rslora": True}, {"lora_dropout": 0.2}],
    ids=str,
)
def test_peft_reads_it_and_answers_the_same(tmp_path: Path, changes: dict[str, Any]) -> None:
    from peft import PeftModel

    config = replace(TrialConfig(learning_rate=1e-2, lora_rank=4, lora_alpha=12), **changes)
    engine = Engine(tiny_model())
    slot = trained_slot(engine, config)
    save_adapter(tmp_path / "adapter", slot.adapter, "tiny", config)
    with torch.inference_mode():
        with active_slots(engine.layers, [slot.adapter]):
            ours = engine.model(input_ids=IDS).logits
        with active_slots(engine.layers, [load_adapter(tmp_path / "adapter")]):
            read_back = engine.model(input_ids=IDS).logits
        untouched = engine.model(input_ids=IDS).logits
        theirs = PeftModel.from_pretrained(tiny_model(), str(tmp_path / "adapter"))(input_ids=IDS).logits
    assert float((ours - untouched).abs().max()) > 0.1
    assert torch.equal(ours, read_back)
    assert float((ours - theirs).abs().max()) < 1e-4


def test_writing_again_replaces_the_folder(tmp_path: Path) -> None:
    engine = Engine(tiny_model())
    for rank in (2, 4):
        config = TrialConfig(lora_rank=rank)
        slot = Slot(config, random_rows(4), engine.layers, 4, seed=0)
        save_adapter(tmp_path / "adapter", slot.adapter, "tiny", config)
    assert next(iter(load_adapter(tmp_path / "adapter").values())).lora_a.shape[0] == 4
    assert not (tmp_path / "adapter.writing").exists()


def test_rslora_scales_by_the_root_of_the_rank() -> None:
    # The same start and the same updates in both runs, so that the scaling alone can differ.
    engine = Engine(tiny_model())
    plain, stable = (
        Slot(TrialConfig(lora_rank=4, use_rslora=flag), random_rows(4), engine.layers, 4, seed=0)
        for flag in (False, True)
    )
    name = next(iter(engine.layers))
    assert stable.adapter[name].scaling == 2 * plain.adapter[name].scaling == 16.0
