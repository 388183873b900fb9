"""Base and trial, asked in any order, on a real model: neither leaves a trace in the other's answers."""

from pathlib import Path

from sweeper.commands.look import answering
from sweeper.commands.sweeps import progress_of
from sweeper.events import BASE_TRIAL
from sweeper.scoring.load_suite import load_suite
from sweeper.space.load import load_space
from tests.driver.sweeps import home_of, sweep
from tests.tiny_base import save_tiny_space


def test_the_base_is_itself_behind_a_trial(tmp_path: Path) -> None:
    space = save_tiny_space(tmp_path, trials=1, learning_rate=3e-2)
    sweep(space)
    folder = home_of(space).sweep("tiny")
    answer = answering(load_space(space), folder, progress_of(folder).trials[0])
    suites = [load_suite(tmp_path / f"{name}.jsonl") for name in ("dev", "test")]
    fresh = [answer(BASE_TRIAL, suite).answers for suite in suites]
    tuned = [answer(0, suite).answers for suite in suites]
    assert tuned != fresh
    assert [answer(BASE_TRIAL, suite).answers for suite in suites] == fresh
    assert [answer(0, suite).answers for suite in suites] == tuned
