"""What a promotion is told of a sweep on an nf4 base: the search's own objective, over its dev suites."""

from pathlib import Path

import pytest

from sweeper.commands.nf4_training import nf4_training
from sweeper.home import Home
from sweeper.space.load import load_space
from tests.tiny_base import save_tiny_space


@pytest.mark.parametrize("objective", ["score", "target_loss"])
def test_dev_and_objective_are_the_searchs(tmp_path: Path, objective: str) -> None:
    home, path = Home(tmp_path / "mlruns"), save_tiny_space(tmp_path, search={"objective": objective})
    assert nf4_training(home, load_space(path)) is None
    path.write_text(path.read_text().replace('"dtype"', '"quantization": "nf4", "dtype"'))
    training = nf4_training(home, load_space(path))
    assert training is not None
    assert (training.precision.quantization, training.precision.dtype) == ("nf4", "float32")
    assert [suite.name for suite in training.dev] == ["dev"]
    assert training.objective.loss_weight == (objective == "target_loss")
    assert dict(training.objective.score_weights) == ({"dev": 1.0} if objective == "score" else {})
    assert training.dequantised == home.dequantised
