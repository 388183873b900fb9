"""What is proposed: within constraints, the baseline first, the grid whole, only what applies."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from sweeper.home import Home
from sweeper.search.study import Study
from sweeper.space.grid import grid_order
from sweeper.space.parameters import Parameter
from sweeper.space.read_expression import read_condition
from sweeper.space.read_parameter import read_parameter
from sweeper.space.space import SamplerName, Space
from sweeper.space.trial_config import TrialConfig
from tests.search.spaces import CONSTANT, make_space
from tests.search.studies import distributions_of

RAW: dict[str, Any] = {
    "learning_rate": {"min": 1e-4, "max": 1e-3, "step": 1e-4},
    "lora_rank": {"values": [8, 16, 32]},
    "lora_alpha": {"expr": "2 * lora_rank"},
    "use_rslora": {"values": [True, False], "when": "lora_rank >= 16"},
    "lora_dropout": {"values": [0, 0.1], "when": {"use_rslora": True}},
}
CONSTRAINTS = (
    read_condition("lora_rank < 32 or learning_rate < 5e-4"),
    read_condition("use_rslora or lora_rank < 16"),
)


def space_of(folder: Path, raw: dict[str, Any] = RAW, **changes: Any) -> Space:
    parameters: dict[str, Parameter] = {name: read_parameter(name, value) for name, value in raw.items()}
    space = make_space(
        folder,
        sampler=changes.pop("sampler", "tpe"),
        trials=changes.pop("trials", 12),
        seed=changes.pop("seed", 7),
    )
    return dataclasses.replace(space, parameters={**CONSTANT, **parameters}, **changes)


def value_of(config: TrialConfig) -> float:
    """Draws TPE to where CONSTRAINTS forbid: high rank, high learning rate, no rslora."""
    return config.lora_rank + config.learning_rate * 1e4 - 50 * config.use_rslora


def search(home: Home, space: Space, restart: bool = False) -> list[TrialConfig]:
    study, configs = Study(home, space), []
    for number in range(space.search.trials):
        study = Study(home, space) if restart else study
        config = study.ask(number)
        configs.append(config)
        study.tell_completed(number, value_of(config))
    return configs


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_constraints_hold_and_what_follows_follows(tmp_path: Path, sampler: SamplerName) -> None:
    space = space_of(tmp_path, constraints=CONSTRAINTS, sampler=sampler, trials=20)
    for config in search(Home(tmp_path / "home"), space):
        assert config.lora_rank < 32 or config.learning_rate < 5e-4
        assert config.use_rslora or config.lora_rank < 16
        assert config.lora_alpha == 2 * config.lora_rank
        assert config.lora_rank >= 16 or not config.use_rslora
        assert config.use_rslora or config.lora_dropout == 0
        assert config.learning_rate in {round(step * 1e-4, 4) for step in range(1, 11)}


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_proposals_are_the_same_over_restarts(tmp_path: Path, sampler: SamplerName) -> None:
    baseline = ({"lora_rank": 8, "learning_rate": 2e-4}, {"lora_rank": 16, "use_rslora": True})
    space = space_of(tmp_path, constraints=CONSTRAINTS, sampler=sampler, baseline=baseline)
    in_one_go = search(Home(tmp_path / "one"), space)
    assert search(Home(tmp_path / "many"), space, restart=True) == in_one_go
    assert (in_one_go[0].lora_rank, in_one_go[0].learning_rate) == (8, 2e-4)
    assert (in_one_go[1].lora_rank, in_one_go[1].use_rslora) == (16, True)


def test_only_what_applies_is_stored_in_optuna(tmp_path: Path) -> None:
    import optuna

    home = Home(tmp_path / "home")
    search(home, space_of(tmp_path, trials=20))
    stored = optuna.load_study(study_name="tickets", storage=home.optuna_uri).get_trials()
    assert {"lora_dropout" in trial.params for trial in stored} == {True, False}
    for trial in stored:
        assert ("use_rslora" in trial.params) == (trial.params["lora_rank"] >= 16)
        assert ("lora_dropout" in trial.params) == trial.params.get("use_rslora", False)
        assert "lora_alpha" not in trial.params


def test_a_grid_is_gone_through_once(tmp_path: Path) -> None:
    raw = {**RAW, "learning_rate": {"values": [1e-4, 1e-3]}}
    space = space_of(tmp_path, raw, sampler="grid", constraints=CONSTRAINTS)
    points = grid_order(space.parameters, space.constraints, space.baseline, space.search.seed)
    space = dataclasses.replace(space, search=dataclasses.replace(space.search, trials=len(points)))
    configs = search(Home(tmp_path / "home"), space)
    by_hand = {
        (rate, rank, rslora, dropout)
        for rate in (1e-4, 1e-3)
        for rank, rslora in ((8, False), (16, True), (32, True))
        for dropout in ((0.0, 0.1) if rslora else (0.0,))
        if rank < 32 or rate < 5e-4
    }
    found = [(c.learning_rate, c.lora_rank, c.use_rslora, c.lora_dropout) for c in configs]
    assert len(found) == len(set(found))
    assert set(found) == by_hand


def test_a_needle_that_the_sampler_does_not_find_is_found(tmp_path: Path) -> None:
    raw = {"lora_rank": {"min": 1, "max": 40}, "max_seq_length": {"min": 100, "max": 139}}
    needle = (read_condition("lora_rank == 17 and max_seq_length == 123"),)
    space = space_of(tmp_path, raw, constraints=needle, trials=2)
    assert {(c.lora_rank, c.max_seq_length) for c in search(Home(tmp_path / "home"), space)} == {(17, 123)}


def test_a_space_without_anything_new_proposes_as_optuna_does_alone(tmp_path: Path) -> None:
    """What a space proposed before there were constraints it proposes still."""
    import optuna

    from sweeper.search.sampler import make_sampler

    space = make_space(tmp_path)
    configs = search(Home(tmp_path / "home"), space)
    alone = optuna.create_study(direction="maximize")
    for number, config in enumerate(configs):
        alone.sampler = make_sampler(space.search, number)
        trial = alone.ask(distributions_of(dict(space.parameters)))
        assert (trial.params["learning_rate"], trial.params["lora_rank"]) == (
            config.learning_rate,
            config.lora_rank,
        )
        alone.tell(trial, value_of(config))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"constraints": CONSTRAINTS[:1]}, "constraints was [lora_rank < 32 or learning_rate < 5e-4, "),
        ({"baseline": ({"lora_rank": 8},)}, "baseline was unset and is [{lora_rank: 8}]"),
        (
            {"raw": {**RAW, "lora_alpha": {"expr": "lora_rank"}}},
            "was {expr: 2 * lora_rank} and is {expr: lora_rank}",
        ),
        (
            {"raw": {**RAW, "learning_rate": {"min": 1e-4, "max": 1e-3}}},
            "log: false, step: 0.0001} and is {min: 0.0001, max: 0.001, log: false}",
        ),
        (
            {"raw": {**RAW, "use_rslora": {"values": [True, False], "when": "lora_rank > 16"}}},
            "when: lora_rank >= 16, otherwise: false} and is",
        ),
    ],
)
def test_a_change_is_refused_with_what_changed(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    from sweeper.errors import InputError

    home = Home(tmp_path / "home")
    Study(home, space_of(tmp_path, constraints=CONSTRAINTS)).ask(0)
    with pytest.raises(InputError) as caught:
        Study(home, space_of(tmp_path, **{"constraints": CONSTRAINTS, **change}))
    assert told in caught.value.problem


def test_what_is_told_out_of_turn_is_learned_as_after_a_restart(tmp_path: Path) -> None:
    """Trials that do not fit are told at once, before those that were asked earlier and still train."""

    def outcome(folder: Path, restart: bool) -> list[TrialConfig]:
        home, space = Home(folder / "mlruns"), space_of(folder)
        study, configs = Study(home, space), []
        for first in range(0, 12, 3):
            for number in range(first, first + 3):
                study = Study(home, space) if restart else study
                configs.append(study.ask(number))
                if number % 3 == 1:
                    study.tell_infeasible(number, "too large", 0.5)
            for number in range(first, first + 3):
                study.tell_completed(number, value_of(configs[number]))
        return configs

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert outcome(tmp_path / "a", False) == outcome(tmp_path / "b", True)
