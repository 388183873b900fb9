"""Three planted faults, each named by the program: an overlap, a gain by chance, a degraded model."""

import itertools
import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sweeper.cli import app
from sweeper.errors import InputError
from sweeper.event_log import EventLog
from sweeper.events import BASE_TRIAL, CaseAnswer, SuiteScored, TrialAsked, TrialCompleted
from sweeper.home import Home
from sweeper.space.trial_config import TrialConfig
from tests.tiny_base import WORDS, save_tiny_space


@pytest.fixture(autouse=True)
def _quick_homes(_mlflow_databases_are_copies: None) -> None:
    """See tests/conftest.py."""


def sweep(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code, and all that was printed, in one line."""
    done = CliRunner().invoke(app, ["--home", str(folder), *arguments])
    if isinstance(done.exception, Exception):
        assert isinstance(done.exception, InputError), done.exception
        return done.exception.exit_code, str(done.exception)
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.parametrize("command", ["check", "start"])
def test_an_overlap(tmp_path: Path, command: str) -> None:
    path = save_tiny_space(tmp_path)
    row = {"instruction": "Repeat.", "input": "the yellow submarine sails on", "output": "yes"}
    with open(tmp_path / "train.jsonl", "a") as rows:
        rows.write(json.dumps(row) + "\n")
    (tmp_path / "test.jsonl").write_text(
        json.dumps({**row, "input": "The yellow submarine sails on!"}) + "\n"
    )
    code, told = sweep(tmp_path, command, str(path))
    assert code == 2
    assert "evaluation.test (test): 1 of 1 cases stand among the training rows: 1 the same" in told
    assert f"case 'case-1' beside line {len(WORDS) + 1}" in told
    assert not (tmp_path / "mlruns" / "sweeps").exists()


def save_sweep(folder: Path, seed: int, shares: tuple[float, float], cases: int = 60) -> None:
    """A sweep whose base and only trial have each case right by a coin of these shares."""
    coins = random.Random(seed)
    log = EventLog(Home(folder / "mlruns").sweep("coins").events)
    log.open()
    log.append(TrialAsked(0, 1.0, TrialConfig()))
    for trial, share in zip((BASE_TRIAL, 0), shares, strict=True):
        right = [float(coins.random() < share) for _ in range(cases)]
        answers = tuple(CaseAnswer(f"{at}", "p", "a", "e", score) for at, score in enumerate(right))
        log.append(SuiteScored(trial, 2.0, "dev", sum(right) / cases, 1.0, answers))
    log.append(TrialCompleted(0, 3.0, sum(right) / cases, "trials/0000/adapter", 1.0))


@pytest.mark.parametrize("seed", range(5))
def test_a_gain_by_chance(tmp_path: Path, seed: int) -> None:
    """Two equal models."""
    save_sweep(tmp_path, seed, (0.5, 0.5))
    _, told = sweep(tmp_path, "best", "coins")
    assert "may be chance; about" in told
    assert "cases would settle it" in told


def test_a_true_gain_is_not_called_chance(tmp_path: Path) -> None:
    save_sweep(tmp_path, 0, (0.4, 0.8))
    _, told = sweep(tmp_path, "best", "coins")
    assert "over base, 95 % interval [0." in told
    assert "chance" not in told


def guard_of(folder: Path) -> Path:
    """A guard suite that the tiny base has all right, whatever it says: by its own answers."""
    cases = [{"id": word, "instruction": f"Say {word} again and again"} for word in WORDS] + [
        {"id": f"{word}-{other}", "instruction": f"Is {word} like {other}?"}
        for word, other in itertools.pairwise(WORDS)
    ]
    path = folder / "kept.yaml"
    suite = {"name": "kept", "decode": {"max_new_tokens": 8}, "cases": cases}
    path.write_text(json.dumps(suite))
    arguments = ["--home", str(folder), "score", str(path), "--model", str(folder / "base"), "--json"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    answers = json.loads(done.stdout)["models"][0]["answers"]
    right = [{**case, "expected": each["answer"]} for case, each in zip(cases, answers, strict=True)]
    path.write_text(json.dumps({**suite, "cases": [case for case in right if case["expected"].strip()]}))
    return path


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        (3e-2, "kept: trial 0 is DEGRADED: it lost what the base can (-"),
        (1e-9, "kept: trial 0 kept what the base can (+0.000 over base"),
    ],
)
def test_a_degraded_model(tmp_path: Path, rate: float, told: str) -> None:
    path = save_tiny_space(tmp_path, trials=1, learning_rate=rate, num_train_epochs=4)
    space = json.loads(path.read_text())
    space["evaluation"] = {"dev": "dev.jsonl", "guard": guard_of(tmp_path).name}
    path.write_text(json.dumps(space))
    code, started = sweep(tmp_path, "start", str(path), "--in-process")
    assert code == 0
    assert told in started
    _, shown = sweep(tmp_path, "best", "tiny")
    assert told in shown
    assert ("1. A lower learning rate: none below half of trial 0's 0.03 was tried" in shown) == (rate > 1e-3)


def test_two_equal_models_cannot_be_told_apart(tmp_path: Path) -> None:
    save_tiny_space(tmp_path)
    model = str(tmp_path / "base")
    arguments = ("score", str(tmp_path / "dev.jsonl"), "--model", model, "--against", "base")
    assert "the two cannot be told apart" in sweep(tmp_path, *arguments)[1]
