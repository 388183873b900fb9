"""The commands that look at sweeps: list, status, trials, best."""

import csv
import io
import json
from pathlib import Path

import pytest

from sweeper.commands.best import best
from sweeper.commands.list import list_sweeps
from sweeper.commands.status import status
from sweeper.commands.trials import trials
from sweeper.errors import InputError
from sweeper.home import Home
from sweeper.lock import held_lock
from tests.commands.home_with_sweep import home_with_sweep


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_with_sweep(tmp_path)


def test_list_tells_what_runs(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    list_sweeps(home)
    assert "not running" in capsys.readouterr().out
    with held_lock(home.sweep("tickets").lock, "it"):
        list_sweeps(home)
    line = next(line for line in capsys.readouterr().out.splitlines() if "tickets" in line)
    assert line.split()[:4] == ["tickets", "running", "4", "0.750"]


def test_list_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    list_sweeps(Home(tmp_path))
    assert "No sweep was started" in capsys.readouterr().out


def test_status_tells_how_to_go_on(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    status(home, "tickets")
    told = capsys.readouterr().out
    assert "4 trials finished" in told
    assert "space.yaml goes on" in told.replace("\n", "")


def test_trials_as_csv_and_json_hold_every_parameter(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    trials(home, "tickets", "score", True, True, False)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["trial"] for row in rows] == ["2", "3", "0", "1"]
    trials(home, "tickets", None, False, False, True)
    records = json.loads(capsys.readouterr().out)
    assert [record["trial"] for record in records] == [0, 1, 2, 3]
    assert records[1]["state"] == "diverged"
    assert records[1]["score"] is None
    assert {"learning_rate", "lora_rank", "weight_decay"} <= records[0].keys() == rows[0].keys()


def test_a_misspelled_column_is_told(home: Home) -> None:
    with pytest.raises(InputError, match="Did you mean 'score'"):
        trials(home, "tickets", "scor", False, False, False)


def test_best_as_json_names_the_adapter(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    best(home, "tickets", True)
    found = json.loads(capsys.readouterr().out)
    assert found["best"]["trial"] == 2
    assert (Path(found["best"]["adapter"]) / "adapter_model.safetensors").is_file()


def test_a_misspelled_sweep_is_told(home: Home) -> None:
    with pytest.raises(InputError, match="Did you mean 'tickets'"):
        best(home, "tikcets", False)


def test_a_start_that_was_killed_before_it_noted_its_space_file(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = home.sweep("tickets")
    sweep.space_path.unlink()
    best(home, "tickets", False)
    status(home, "tickets")
    assert f"start {sweep.space}" in "".join(capsys.readouterr().out.split("\n"))
