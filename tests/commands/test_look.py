"""Looks at the test suite are kept, counted and shown."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from sweeper.commands.best import best
from sweeper.commands.look import keep_promoted, look_at_test
from sweeper.driver import run_sweep
from sweeper.errors import InputError
from sweeper.event_log import EventLog
from sweeper.events import BASE_TRIAL, CaseAnswer, Event, SuiteScored
from sweeper.home import Home
from sweeper.promote.promotion import PromotedAnswer, Promotion
from sweeper.report.on_test import line_of_test
from sweeper.scoring.fingerprint import suite_fingerprint
from sweeper.scoring.looks import Look, append_look, count_looks, read_looks
from sweeper.scoring.score import Score
from sweeper.scoring.suite import Case, Suite
from sweeper.space.load import load_space
from sweeper.workers.in_process import InProcessWorker
from tests.commands.home_with_sweep import home_with_sweep
from tests.space.valid_space import VALID, write
from tests.tiny_base import save_tiny_space

SUITE = Suite("held-out", Path("test.yaml"), tuple(Case(f"{i}", "Ask", "", "yes") for i in range(40)), 8)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_with_sweep(tmp_path)


class Model:
    """Stands for the model: trial n has n * 10 of 40 cases right, the base none. Counts its answers."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, trial: int, suite: Suite) -> Score:
        self.asked.append(trial)
        right = max(0, trial * 10)
        answers = tuple(
            CaseAnswer(case.id, "p", "yes\u2028", case.expected, float(place < right))
            for place, case in enumerate(suite.cases)
        )
        return Score(suite.name, right / 40, 1.0, answers)


def test_base_and_trial_are_asked_once_and_kept(home: Home) -> None:
    folder, model = home.sweep("tickets"), Model()
    for trial in (2, 2, 3):
        look_at_test(folder, trial, SUITE, "best", model)
    assert model.asked == [BASE_TRIAL, 2, 3]
    looks = read_looks(folder.test_looks)
    assert [(look.trial, look.suite, look.by) for look in looks] == [
        (BASE_TRIAL, "held-out", "best"),
        (2, "held-out", "best"),
        (3, "held-out", "best"),
    ]
    assert looks[1].answers == model(2, SUITE).answers
    assert count_looks(looks) == 2


def test_other_cases_are_another_look(home: Home) -> None:
    folder, model = home.sweep("tickets"), Model()
    look_at_test(folder, 2, SUITE, "best", model)
    look_at_test(folder, 2, dataclasses.replace(SUITE, path=Path("moved.yaml")), "best", model)
    look_at_test(folder, 2, dataclasses.replace(SUITE, cases=SUITE.cases[1:]), "best", model)
    assert model.asked == [BASE_TRIAL, 2, BASE_TRIAL, 2]


def test_a_promotion_is_a_look_through_ollama(home: Home) -> None:
    folder, model = home.sweep("tickets"), Model()
    answers = [PromotedAnswer(case.id, "yes", "yes", "yes", 1.0) for case in SUITE.cases]
    promotion = cast(Promotion, SimpleNamespace(answers=answers, ollama_score=1.0))
    keep_promoted(folder, 2, SUITE, promotion, model)
    keep_promoted(folder, 2, SUITE, promotion, model)
    assert model.asked == [BASE_TRIAL]
    line = line_of_test(read_looks(folder.test_looks))
    assert line is not None
    assert line.startswith("test 1.000 (trial 2), +1.00 over base")
    assert "looked at 2 times" in line


def test_the_line_compares_with_the_base_and_counts(home: Home) -> None:
    folder, model = home.sweep("tickets"), Model()
    look_at_test(folder, 2, SUITE, "best", model)
    line = line_of_test(read_looks(folder.test_looks))
    assert line is not None
    assert line.startswith("test 0.500 (trial 2), +0.50 over base, 95 % interval [0.3")
    assert line.endswith("p < 0.001, n = 40 (test looked at once)")
    look_at_test(folder, 3, SUITE, "best", model)
    line = line_of_test(read_looks(folder.test_looks))
    assert line is not None
    assert line.endswith("(test looked at 2 times, and each look is a chance to choose by it)")
    assert line_of_test([]) is None


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "looks.jsonl"
    append_look(path, Look(0, 1.0, "s", suite_fingerprint(SUITE), "best", 0.5, ()))
    path.write_text(path.read_text() + '{"trial": 1, "ti')
    assert [look.trial for look in read_looks(path)] == [0]


def test_best_shows_it(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    best(home, "tickets", False)
    assert "test: not looked at yet" in capsys.readouterr().out
    look_at_test(home.sweep("tickets"), 2, SUITE, "best", Model())
    best(home, "tickets", False)
    assert "test looked at once" in capsys.readouterr().out.replace("\n", " ")
    best(home, "tickets", True)
    found = json.loads(capsys.readouterr().out)["test"]
    assert (found["trial"], found["score"], found["looks"]) == (2, 0.5, 1)
    assert found["gain"]["difference"] == 0.5


def test_a_look_needs_a_test_suite(home: Home, tmp_path: Path) -> None:
    write(tmp_path, VALID.replace("name: my-sweep", "name: tickets").replace("  test: test.yaml\n", ""))
    with pytest.raises(InputError, match=r"no evaluation\.test to look at"):
        best(home, "tickets", False, on_test=True)


class Unwatched:
    """A view that shows nothing."""

    def resume(self, events: Sequence[Event]) -> None:
        """Nothing."""

    def apply(self, event: Event) -> None:
        """Nothing."""

    def say(self, line: str) -> None:
        """Nothing."""


def test_a_look_answers_as_the_sweep_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sweep scores in the engine, a look by PEFT: on the same cases both must answer alike."""
    path = save_tiny_space(tmp_path, trials=1, learning_rate={"values": [3e-2]})
    (tmp_path / "test.jsonl").write_text((tmp_path / "dev.jsonl").read_text())
    home = Home(tmp_path / "mlruns")
    run_sweep(home, load_space(path), InProcessWorker, Unwatched())
    best(home, "tiny", False, on_test=True)
    assert "test looked at once" in capsys.readouterr().out.replace("\n", " ")
    folder = home.sweep("tiny")
    scored = [event for _, event in EventLog(folder.events).read() if isinstance(event, SuiteScored)]
    base, trial = read_looks(folder.test_looks)
    assert [answer.answer for answer in base.answers] == [answer.answer for answer in scored[0].answers]
    assert [answer.answer for answer in trial.answers] == [answer.answer for answer in scored[1].answers]
    assert [answer.answer for answer in trial.answers] != [answer.answer for answer in base.answers]
    assert (base.score, trial.score) == (scored[0].score, scored[1].score)
