"""A sweep put aside keeps all it had, and its name is free."""

import shutil
from pathlib import Path

import optuna
import pytest

import sweeper.driver.archive
from sweeper.driver import archive_sweep
from sweeper.errors import InputError
from sweeper.tracking.runs import make_client
from tests.driver.scripted import ScriptedWorker
from tests.driver.spaces import save_scripted_space
from tests.driver.sweeps import home_of, log_of, states, sweep, what_optuna_knows


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    space = save_scripted_space(tmp_path_factory.mktemp("ended"), trials=3)
    sweep(space, ScriptedWorker)
    return space


@pytest.fixture
def space(tmp_path: Path, ended: Path) -> Path:
    """A sweep that ended, in a folder of its own."""
    shutil.copytree(ended.parent, tmp_path / "copy")
    return tmp_path / "copy" / "space.yaml"


def test_a_changed_space_is_refused_and_begins_anew_after_archiving(space: Path) -> None:
    before, trials = log_of(space), what_optuna_knows(space)
    space.write_text(space.read_text().replace("[2, 4, 8]", "[2, 4]"))
    with pytest.raises(InputError, match="--fresh"):
        sweep(space, ScriptedWorker)
    assert archive_sweep(home_of(space), "tiny") == "tiny-archived-1"
    events = sweep(space, ScriptedWorker)
    assert len(states(space)) == 3
    home = home_of(space)
    assert home.sweep_names() == ["tiny", "tiny-archived-1"]
    archived = optuna.load_study(study_name="tiny-archived-1", storage=home.optuna_uri).trials
    assert [trial.params for trial in archived] == [row[3] for row in trials]
    assert [trial.value for trial in archived] == [row[2] for row in trials]
    assert (home.sweep("tiny-archived-1").path / "events.jsonl").exists()
    assert before[0].time < events[0].time
    client = make_client(home.mlflow_uri)
    names = {each.name for each in client.search_experiments()}
    assert {"tiny", "tiny-archived-1"} <= names
    assert archive_sweep(home, "tiny") == "tiny-archived-2"


def test_what_comparably_changes_goes_on(space: Path) -> None:
    before = log_of(space)
    text = space.read_text().replace('"trials": 3', '"trials": 5, "wall_time": "2h"')
    space.write_text(text)
    assert sweep(space, ScriptedWorker)[: len(before)] == before
    assert len(states(space)) == 5


@pytest.mark.parametrize("cut", ["rename_study", "rename_experiment", "os"])
def test_archiving_that_is_cut_short_is_ended_by_the_next(
    space: Path, cut: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        if cut == "os":
            patch.setattr("sweeper.driver.archive.os.rename", dies)
        else:
            patch.setattr(sweeper.driver.archive, cut, dies)
        with pytest.raises(RuntimeError, match="killed"):
            archive_sweep(home_of(space), "tiny")
    assert archive_sweep(home_of(space), "tiny") == "tiny-archived-1"
    assert "tiny" not in optuna.get_all_study_names(home_of(space).optuna_uri)


def test_there_is_nothing_to_archive(tmp_path: Path) -> None:
    assert archive_sweep(home_of(tmp_path / "space.yaml"), "tiny") is None
