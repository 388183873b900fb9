"""A smoke run trains little, whatever the space, and stays out of the sweep's own home."""

from pathlib import Path

from sweeper.commands.smoke import ROWS, smoke_home, smoke_space
from sweeper.home import Home
from sweeper.space.load import load_space
from sweeper.space.parameters import Constant
from tests.space.valid_space import KINDS, fill, write


def test_one_short_trial(tmp_path: Path) -> None:
    fill(tmp_path)
    space = load_space(write(tmp_path, KINDS))
    smoke = smoke_space(space)
    assert (smoke.search.trials, smoke.search.pruner.type) == (1, "none")
    assert smoke.data.limit == ROWS
    assert smoke.parameters["max_steps"] == Constant(None)
    assert smoke.parameters["num_train_epochs"] == Constant(1.0)
    assert smoke.name == space.name


def test_its_home_is_apart(tmp_path: Path) -> None:
    home = Home(tmp_path / "mlruns")
    smoke = smoke_home(home)
    assert smoke.mlflow_uri != home.mlflow_uri
    assert smoke.optuna_uri != home.optuna_uri
    assert smoke.sweep("x").path.is_relative_to(home.mlruns)
    assert home.sweep_names() == []
