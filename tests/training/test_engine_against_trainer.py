"""One slot of the engine trains as Hugging Face's Trainer with PEFT does, to rounding."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from sweeper.data.encode import IGNORED, EncodedRow, common_prefix_length
from sweeper.space.trial_config import TrialConfig
from sweeper.training import engine as engine_module
from sweeper.training import packed as packed_module
from sweeper.training.batch import Batch
from sweeper.training.engine import Engine
from tests.training.tiny import random_chats, random_rows, tiny_model
from tests.training.trainer_reference import largest_difference, train_with_engine, train_with_trainer

ROUNDING = 1e-5
"""fp32 sums in another order, through ten AdamW steps: seen at most 1.4e-6."""

CONFIG = TrialConfig(
    learning_rate=1e-2,
    lora_rank=4,
    lora_alpha=16,
    effective_batch_size=8,
    max_grad_norm=0.5,  # below the norms met here, so that clipping acts
    warmup_steps=3,
    weight_decay=0.1,
    lr_scheduler_type="cosine",
)


def compare(
    config: TrialConfig, micro_batch: int, share_prefix: bool, rows: list[EncodedRow]
) -> dict[str, float]:
    model = tiny_model()
    engine = Engine(tiny_model(), share_prefix)
    _, ours = train_with_engine(engine, config, rows, micro_batch, seed=3)
    theirs = train_with_trainer(model, config, rows, micro_batch, 3, ours.start)
    return largest_difference(ours, theirs)


@pytest.mark.parametrize("share_prefix", [True, False])
@pytest.mark.parametrize("micro_batch", [1, 4, 8])
def test_ten_steps_equal(micro_batch: int, share_prefix: bool) -> None:
    # 77 rows make nine whole windows and a last one of five.
    differences = compare(CONFIG, micro_batch, share_prefix, random_rows(77))
    print(f"micro-batch {micro_batch}, shared prefix {share_prefix}: largest difference {differences}")
    assert max(differences.values()) < ROUNDING


@pytest.mark.parametrize(
    "change",
    [
        {"target_modules": ("q_proj", "v_proj")},
        {"lr_scheduler_type": "linear", "warmup_steps": 0.25},
        {"max_grad_norm": 0.0},
        {"use_rslora": True},
        {"num_train_epochs": None, "max_steps": 4},
    ],
)
def test_other_settings_equal(change: dict[str, Any]) -> None:
    differences = compare(replace(CONFIG, **change), 4, True, random_rows(77))
    print(f"{change}: largest difference {differences}")
    assert max(differences.values()) < ROUNDING


@pytest.mark.parametrize("share_prefix", [True, False])
def test_chats_of_several_trained_turns_equal(share_prefix: bool) -> None:
    rows = random_chats(77)
    assert max(len(row.untrained) for row in rows) == 3
    differences = compare(CONFIG, 4, share_prefix, rows)
    print(f"chats, shared prefix {share_prefix}: largest difference {differences}")
    assert max(differences.values()) < ROUNDING


def test_a_turn_of_others_that_is_trained_is_caught() -> None:
    rows = random_chats(77)
    trained = [EncodedRow(row.input_ids, row.prompt_length) for row in rows]
    engine = Engine(tiny_model())
    _, ours = train_with_engine(engine, CONFIG, trained, 4, seed=3)
    theirs = train_with_trainer(tiny_model(), CONFIG, rows, 4, 3, ours.start)
    differences = largest_difference(ours, theirs)
    print(f"turns of others trained: largest difference {differences}")
    assert max(differences.values()) > 10 * ROUNDING


def scaled_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Engine.loss_sums
    monkeypatch.setattr(Engine, "loss_sums", lambda self, batch: exact(self, batch) * 1.01)


def shifted_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = packed_module.pack

    def pack(*arguments: Any) -> Batch:
        batch = exact(*arguments)
        assert batch.position_ids is not None
        after_prefix = batch.position_ids >= common_prefix_length(arguments[0][0])
        return replace(batch, position_ids=batch.position_ids + after_prefix)

    monkeypatch.setattr(engine_module, "pack", pack)


def dropped_label(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = packed_module.pack

    def pack(*arguments: Any) -> Batch:
        batch = exact(*arguments)
        labels = batch.labels.clone()
        labels[0, int((labels[0] != IGNORED).nonzero()[0, 0])] = IGNORED
        return replace(batch, labels=labels)

    monkeypatch.setattr(engine_module, "pack", pack)


def leaking_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = packed_module.pack

    def pack(*arguments: Any) -> Batch:
        batch = exact(*arguments)
        length = batch.input_ids.shape[1]
        return replace(batch, attention_mask=torch.ones(1, 1, length, length, dtype=torch.bool).tril())

    monkeypatch.setattr(engine_module, "pack", pack)


@pytest.mark.parametrize("fault", [scaled_loss, shifted_positions, dropped_label, leaking_neighbour])
def test_planted_faults_are_caught(fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    differences = compare(CONFIG, 4, True, random_rows(77))
    print(f"{fault.__name__}: largest difference {differences}")
    assert max(differences.values()) > 10 * ROUNDING
