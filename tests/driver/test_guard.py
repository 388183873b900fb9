"""When the search is over, base and winner answer the guard suites; a degraded winner is named."""

import json
from pathlib import Path

import pytest

from sweeper.commands.best import best
from sweeper.errors import TrainingError
from sweeper.events import BASE_TRIAL, SuiteScored, TrialCompleted
from sweeper.report.guard import guard_findings
from sweeper.report.progress import SweepProgress, replay
from sweeper.workers.worker import Emit
from tests.driver.scripted import ScriptedBench, ScriptedWorker
from tests.driver.spaces import save_scripted_space
from tests.driver.sweeps import Watching, home_of, log_of, sweep, what_mlflow_knows, what_optuna_knows


def guarded(space: Path) -> list[int]:
    return [each.trial for each in log_of(space) if isinstance(each, SuiteScored) and each.guard]


def winner(space: Path) -> int:
    found = replay(SweepProgress("tiny"), log_of(space)).best
    assert found is not None
    return found.number


@pytest.fixture
def space(tmp_path: Path) -> Path:
    return save_scripted_space(tmp_path / "guarded", guard="default")


def test_base_and_winner_are_asked_once_and_nothing_else_changes(space: Path, tmp_path: Path) -> None:
    events = sweep(space, ScriptedWorker)
    assert guarded(space) == [BASE_TRIAL, winner(space)]
    kinds = [type(event) for event in events]
    assert max(at for at, kind in enumerate(kinds) if kind is TrialCompleted) < len(kinds) - 2
    [found] = guard_findings(replay(SweepProgress("tiny"), events))
    assert (found.suite, found.verdict, found.winner.guard_score) == ("sanity", "kept", 1.0)
    unguarded = save_scripted_space(tmp_path / "unguarded")
    sweep(unguarded, ScriptedWorker)
    assert what_optuna_knows(space) == what_optuna_knows(unguarded)
    metrics = what_mlflow_knows(space)["metrics"]
    for name in ("base", f"trial {winner(space)}"):
        assert any(line.startswith(f"{name} ['score/sanity', 1.0") for line in metrics)
    sweep(space, ScriptedWorker)
    assert log_of(space) == events


def test_a_degraded_winner_is_named_with_what_helps(
    space: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ScriptedBench, "forgetful", frozenset(range(99)))
    sweep(space, ScriptedWorker)
    best(home_of(space), "tiny", False)
    shown = " ".join(capsys.readouterr().out.split())
    best(home_of(space), "tiny", True)
    assert json.loads(capsys.readouterr().out)["guard"][0]["verdict"] == "degraded"
    assert f"sanity: trial {winner(space)} is DEGRADED: it lost what the base can (-1.00 over base" in shown
    assert "More varied data" in shown
    [found] = guard_findings(replay(SweepProgress("tiny"), log_of(space)))
    assert set(guarded(space)) - {BASE_TRIAL, found.winner.number} <= {
        trial.number for trial in found.trials if trial.guard_score == 0.0
    }


def test_a_killed_driver_goes_on_with_it(space: Path) -> None:
    def interrupt(event: object) -> None:
        if isinstance(event, SuiteScored) and event.guard:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(space, ScriptedWorker, Watching(interrupt))
    assert guarded(space) == [BASE_TRIAL]
    sweep(space, ScriptedWorker)
    assert guarded(space) == [BASE_TRIAL, winner(space)]


def test_a_sweep_that_is_out_of_time_is_guarded_too(space: Path) -> None:
    sweep(space, ScriptedWorker)
    (space.parent / "extra.yaml").write_text(
        'name: extra\ncases: [{id: a, instruction: Say yes., expected: "yes"}]\n'
    )
    text = space.read_text().replace('"default"', '["default", "extra.yaml"]')
    space.write_text(text.replace('"seed": 1', '"seed": 1, "wall_time": "0.001s"'))
    sweep(space, ScriptedWorker)
    assert guarded(space)[2:] == [BASE_TRIAL, BASE_TRIAL, winner(space), winner(space)]


def test_a_guard_that_breaks_costs_the_sweep_nothing(space: Path) -> None:
    class Breaking(ScriptedWorker):
        def score_guard(self, trial: int, emit: Emit) -> None:
            raise TrainingError("no more memory")

    view = Watching()
    sweep(space, Breaking, view)
    assert view.lines[-1] == "sanity could not be asked: no more memory"
    assert guarded(space) == []
    assert list(guard_findings(replay(SweepProgress("tiny"), log_of(space)))) == []
    sweep(space, ScriptedWorker)
    assert guarded(space) == [BASE_TRIAL, winner(space)]
