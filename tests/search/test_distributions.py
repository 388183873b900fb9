"""Parameters become Optuna's distributions and come back as they were."""

import json

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from sweeper.search.distributions import config_of
from sweeper.space.parameters import Choice, Parameter
from sweeper.space.trial_config import TrialConfig
from tests.search.spaces import CONSTANT, SEARCHED
from tests.search.studies import distributions_of

PARAMETERS: dict[str, Parameter] = {**CONSTANT, **SEARCHED}


def test_each_kind_has_its_distribution() -> None:
    found = distributions_of(PARAMETERS)
    assert found == {
        "learning_rate": FloatDistribution(3e-5, 3e-3, log=True),
        "lora_rank": CategoricalDistribution([8, 16, 32]),
        "target_modules": CategoricalDistribution(["all-linear", "q_proj, v_proj"]),
        "max_seq_length": IntDistribution(64, 512),
        "lr_scheduler_type": CategoricalDistribution(["linear", "cosine"]),
    }


def test_stored_values_come_back_as_a_config() -> None:
    stored = {
        "learning_rate": 1e-4,
        "lora_rank": 32,
        "target_modules": "q_proj, v_proj",
        "max_seq_length": 100,
        "lr_scheduler_type": "cosine",
    }
    through_json = json.loads(json.dumps(stored))
    assert config_of(PARAMETERS, through_json) == TrialConfig(
        learning_rate=1e-4,
        lora_rank=32,
        target_modules=("q_proj", "v_proj"),
        max_seq_length=100,
        lr_scheduler_type="cosine",
    )


def test_a_value_of_another_space_is_not_taken_for_one_of_this() -> None:
    with pytest.raises(KeyError):
        config_of({"lora_rank": Choice((8, 16))}, {"lora_rank": 64})
