"""On SmolLM2 and real rows the engine trains as Trainer with PEFT does, to rounding."""

from pathlib import Path

import pytest

from sweeper.data.encode import encode_row
from sweeper.data.load_rows import read_rows
from sweeper.data.template import template_of
from sweeper.models.load import Base
from sweeper.space.trial_config import TrialConfig
from sweeper.training.engine import Engine
from tests.training.trainer_reference import largest_difference, train_with_engine, train_with_trainer

ROUNDING = 2e-4
"""Thirty layers of fp32 and ten AdamW steps: seen at most 3e-5."""

ROWS = Path("search_spaces/data/quickstart_train.jsonl")
CONFIG = TrialConfig(
    learning_rate=1e-3,
    lora_rank=8,
    effective_batch_size=2,
    warmup_steps=2,
    weight_decay=0.01,
    max_grad_norm=1.0,
    lr_scheduler_type="cosine",
)


@pytest.mark.timeout(600)
def test_ten_steps_equal(fresh_smollm2: Base) -> None:
    import copy

    template = template_of(fresh_smollm2.tokenizer)
    rows = [encode_row(row, template) for row in read_rows(ROWS)[:19]]
    engine = Engine(copy.deepcopy(fresh_smollm2.model))
    assert engine.check_layout(rows[:4]) < 1e-3
    _, ours = train_with_engine(engine, CONFIG, rows, micro_batch=1, seed=0)
    theirs = train_with_trainer(fresh_smollm2.model, CONFIG, rows, 1, 0, ours.start)
    differences = largest_difference(ours, theirs)
    print(f"SmolLM2, ten steps: largest difference {differences}; losses {ours.losses}")
    assert max(differences.values()) < ROUNDING
    assert ours.losses[-1] < ours.losses[0] / 2  # it learned, so there was something to differ in
