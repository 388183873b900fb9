"""Which trials train the same, and what a space says of it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.space.parameters import Choice, Constant, Parameter
from sweeper.space.training_identity import coinciding_sentences, training_identity
from sweeper.space.trial_config import TrialConfig

CONFIG = TrialConfig(lora_rank=16, lora_alpha=32.0, warmup_steps=0.1)
LONGEST = 72


def same(one: TrialConfig, other: TrialConfig) -> bool:
    return training_identity(one, LONGEST) == training_identity(other, LONGEST)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"max_seq_length": 72}, {"max_seq_length": 4096}),
        ({"save_steps": 5, "logging_steps": 2}, {}),
        ({"gradient_checkpointing": True}, {}),
        ({"optim": "paged_adamw_8bit"}, {"optim": "adamw_8bit"}),
        ({"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}, {"effective_batch_size": 8}),
        ({"target_modules": ("q_proj", "v_proj")}, {"target_modules": ("v_proj", "q_proj")}),
        ({"use_rslora": True, "lora_alpha": 8.0}, {"use_rslora": False, "lora_alpha": 32.0}),
        ({"lr_scheduler_type": "constant"}, {"lr_scheduler_type": "constant", "warmup_steps": 5.0}),
        (
            {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 0.0},
            {"lr_scheduler_type": "constant", "warmup_steps": 0.0},
        ),
    ],
)
def test_these_train_the_same(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert same(replace(CONFIG, **first), replace(CONFIG, **second))


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 1e-3},
        {"lora_rank": 8},
        {"lora_rank": 8, "lora_alpha": 16.0},
        {"lora_alpha": 16.0},
        {"use_rslora": True},
        {"target_modules": ("q_proj",)},
        {"effective_batch_size": 4},
        {"max_seq_length": 71},
        {"num_train_epochs": 2.0},
        {"num_train_epochs": None, "max_steps": 10},
        {"warmup_steps": 0.2},
        {"weight_decay": 0.1},
        {"max_grad_norm": 0.5},
        {"lr_scheduler_type": "cosine"},
        {"lora_dropout": 0.1},
        {"optim": "adamw_8bit"},
        {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 4},
    ],
)
def test_these_do_not(change: dict[str, Any]) -> None:
    assert not same(CONFIG, replace(CONFIG, **change))


@given(st.integers(8, 5000), st.integers(8, 5000), st.integers(1, 5000))
def test_lengths_count_up_to_the_longest_row(one: int, other: int, longest: int) -> None:
    identities = {
        training_identity(replace(CONFIG, max_seq_length=length), longest) for length in (one, other)
    }
    assert (len(identities) == 1) == (min(one, longest) == min(other, longest))


ONCE = "Of trials that differ in it alone one trains, and the others have its result."


def test_check_names_the_choices_that_coincide() -> None:
    parameters: dict[str, Parameter] = {
        "max_seq_length": Choice((64, 1024, 2048, 4096)),
        "target_modules": Choice((("q_proj", "v_proj"), ("v_proj", "q_proj"), ("all-linear",))),
        "lora_rank": Choice((8, 16)),
        "max_steps": Choice((5, 10)),
        "lora_alpha": Constant(32.0),
    }
    assert coinciding_sentences(parameters, LONGEST) == [
        f"max_seq_length 1024, 2048 and 4096 train the same: the longest row has 72 tokens. {ONCE}",
        f"target_modules [q_proj, v_proj] and [v_proj, q_proj] train the same. {ONCE}",
    ]
    assert len(coinciding_sentences(parameters, 5000)) == 1
