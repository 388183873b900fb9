"""The rules of single parameters, and a TrialConfig built by them."""

from dataclasses import asdict
from typing import Any

import pytest

from sweeper.errors import InputError
from sweeper.space.rules import SCHEDULERS
from sweeper.space.trial_config import TrialConfig, config_from


def test_nothing_named_is_the_default() -> None:
    assert config_from({}) == TrialConfig()


def test_a_config_comes_back_from_its_own_values() -> None:
    config = TrialConfig(learning_rate=1e-3, target_modules=("q_proj",), num_train_epochs=None, max_steps=5)
    assert config_from(asdict(config)) == config


def test_whole_numbers_become_the_type_of_their_field() -> None:
    config = config_from({"lora_alpha": 16, "warmup_steps": 10})
    assert isinstance(config.lora_alpha, float)
    assert isinstance(config.warmup_steps, float)


def test_max_steps_alone_leaves_no_epochs() -> None:
    config = config_from({"max_steps": 20})
    assert (config.max_steps, config.num_train_epochs) == (20, None)


def test_a_pair_sets_the_effective_batch() -> None:
    config = config_from({"per_device_train_batch_size": 4, "gradient_accumulation_steps": 3})
    assert config.effective_batch_size == 12
    assert config_from(asdict(config)) == config
    assert TrialConfig(per_device_train_batch_size=4, gradient_accumulation_steps=3) == config


def test_half_a_pair_is_no_config() -> None:
    with pytest.raises(ValueError, match="go together"):
        TrialConfig(per_device_train_batch_size=4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lr": 1e-4}, "parameter lr: there is none of this name. Did you mean 'learning_rate'?"),
        (
            {"learning_rate": 0.0},
            "parameter learning_rate: is 0.0, must be a number greater than 0. Write for example 2e-4.",
        ),
        ({"lora_rank": 8.0}, "parameter lora_rank: is 8.0, must be a whole number. Write 8."),
        (
            {"lora_dropout": 1},
            "parameter lora_dropout: is 1, must be a number of at least 0 and below 1. "
            "Write for example 0.05.",
        ),
        ({"use_rslora": "yes"}, "parameter use_rslora: is 'yes', must be true or false. Write true."),
        (
            {"gradient_accumulation_steps": 2},
            "parameter gradient_accumulation_steps: needs per_device_train_batch_size beside it. "
            "Give per_device_train_batch_size too.",
        ),
        (
            {
                "per_device_train_batch_size": 2,
                "gradient_accumulation_steps": 2,
                "effective_batch_size": 8,
            },
            "parameter effective_batch_size: is 8, and per_device_train_batch_size times "
            "gradient_accumulation_steps is 4. Leave it out.",
        ),
        (
            {"lora_rank": None},
            "parameter lora_rank: is empty, must be a whole number of at least 1. Write for example 16.",
        ),
        (
            {"max_steps": 5, "num_train_epochs": 1.0},
            "parameter max_steps: exactly one of it and num_train_epochs must be set. Set one.",
        ),
        (
            {"num_train_epochs": None},
            "parameter max_steps: exactly one of it and num_train_epochs must be set. Set one.",
        ),
    ],
)
def test_a_config_that_breaks_a_rule_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        config_from(values)
    assert str(caught.value) == message


def works_alone(name: str) -> bool:
    """Whether transformers' scheduler needs nothing beside optimizer, warm-up and total steps."""
    import torch
    from transformers import get_scheduler

    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(1))], lr=1e-8)
    try:
        scheduler = get_scheduler(name, optimizer, num_warmup_steps=2, num_training_steps=10)
        for _ in range(10):
            optimizer.step()
            scheduler.step()
    except (TypeError, ValueError):
        return False
    return True


def test_the_schedulers_are_all_that_transformers_runs_without_more() -> None:
    from transformers.trainer_utils import SchedulerType

    assert {kind.value for kind in SchedulerType if works_alone(kind.value)} == set(SCHEDULERS)
