"""With promote.auto the best trial is promoted once, when the sweep has ended."""

import dataclasses
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sweeper.commands import promote as promote_command
from sweeper.commands.auto_promote import announce_promotion, promote_best
from sweeper.commands.sweeps import progress_of
from sweeper.errors import InputError
from sweeper.home import Home
from sweeper.promote import quantizer
from sweeper.promote.promotion import write_json
from sweeper.space.load import load_space
from sweeper.space.space import Space
from tests.commands.home_with_sweep import home_with_sweep
from tests.space.valid_space import VALID, write

NAME = "my-sweep"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Its best trial is 2."""
    return home_with_sweep(tmp_path, NAME)


@pytest.fixture
def space(tmp_path: Path) -> Space:
    return load_space(write(tmp_path, VALID.replace("promote:\n", "promote:\n  auto: true\n")))


@pytest.fixture
def promoted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What `sweep promote` was asked for."""
    asked: list[Any] = []
    monkeypatch.setattr(promote_command, "promote", lambda home, name, options: asked.append((name, options)))
    return asked


def end(home: Home, space: Space) -> str:
    output = io.StringIO()
    promote_best(home, space, progress_of(home.sweep(NAME)), Console(file=output, width=200))
    return output.getvalue()


def test_only_where_it_is_asked_for_and_something_is_complete(
    home: Home, space: Space, promoted: list[Any], tmp_path: Path
) -> None:
    manual = dataclasses.replace(space, promote=dataclasses.replace(space.promote, auto=False))
    end(home, manual)
    nothing_yet = progress_of(Home(tmp_path / "empty").sweep(NAME))
    promote_best(home, space, nothing_yet, Console(file=io.StringIO()))
    assert promoted == []
    end(home, space)
    assert promoted == [(NAME, promote_command.PromoteOptions())]


@pytest.mark.parametrize(
    ("trial", "accepted", "again"), [(2, True, False), (2, False, True), (3, True, True)]
)
def test_the_trial_that_was_promoted_last_is_not_promoted_again(
    home: Home, space: Space, promoted: list[Any], trial: int, accepted: bool, again: bool
) -> None:
    report = {"accepted": accepted, "is_dry": False, "lineage": {"trial": trial}, "models": []}
    write_json(report, home.sweep(NAME).promotions / "1.json")
    told = end(home, space)
    assert bool(promoted) is again
    assert ("Trial 2 was promoted already" in told) is not again


def test_that_ollama_is_not_there_yet_is_said_before_the_sweep(space: Space) -> None:
    output = io.StringIO()
    nowhere = dataclasses.replace(space, promote=dataclasses.replace(space.promote, host="127.0.0.1:9"))
    announce_promotion(nowhere, Console(file=output, width=300))
    assert "promote.auto is true, and for now No Ollama answers at http://127.0.0.1:9" in output.getvalue()


def test_what_nothing_here_can_quantise_is_refused_before_the_sweep(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantizer, "find_quantizer", lambda checkout: None)
    promote = dataclasses.replace(space.promote, quantization=("q8_0", "q6_K"), host="127.0.0.1:9")
    with pytest.raises(InputError, match=r"promote.quantization: q6_K is made by llama\.cpp's quantiser"):
        announce_promotion(dataclasses.replace(space, promote=promote), Console(file=io.StringIO()))
