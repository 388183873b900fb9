"""`sweep clean` frees what no command needs, and nothing while the sweep runs."""

from pathlib import Path

import pytest

from sweeper.commands.clean import clean
from sweeper.errors import UnavailableError
from sweeper.lock import held_lock
from tests.commands.home_with_sweep import home_with_sweep


def adapters(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("trials/*/adapter"))


def test_the_best_adapters_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = home_with_sweep(tmp_path)
    folder = home.sweep("tickets").path
    events = home.sweep("tickets").events.read_bytes()
    clean(home, "tickets", 2, True)
    assert adapters(folder) == ["0000", "0001", "0002", "0003"]
    clean(home, "tickets", 2, False)
    assert adapters(folder) == ["0002", "0003"]
    assert "2.0 kB freed" in capsys.readouterr().out
    assert home.sweep("tickets").events.read_bytes() == events


def test_tokenised_rows_go_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = home_with_sweep(tmp_path)
    home.token_cache.mkdir(parents=True)
    (home.token_cache / "rows.arrow").write_bytes(b"x" * 5000)
    clean(home, "tickets", 4, True)
    assert "5.0 kB  cache/tokens" in capsys.readouterr().out
    clean(home, "tickets", 4, False)
    assert not home.token_cache.exists()


def test_nothing_goes_while_it_runs(tmp_path: Path) -> None:
    home = home_with_sweep(tmp_path)
    with held_lock(home.sweep("tickets").lock, "it"), pytest.raises(UnavailableError, match="running"):
        clean(home, "tickets", 1, False)
    assert len(adapters(home.sweep("tickets").path)) == 4
