"""`sweep rollback` and `sweep history` over a sweep's folder and an Ollama in memory."""

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any, cast

import pytest

from sweeper.commands import history as history_command
from sweeper.commands import rollback as rollback_command
from sweeper.commands.history import history
from sweeper.commands.live_names import promoted_digests, quantizations
from sweeper.commands.rollback import rollback
from sweeper.errors import InputError
from sweeper.home import Home
from sweeper.promote.promotion import write_json
from sweeper.space.space import PromoteSettings
from tests.promote.fake_ollama import FakeOllama, digest_of
from tests.space.valid_space import VALID, write

pytestmark = pytest.mark.usefixtures("_mlflow_databases_are_copies")
OLD, NEW = {"file": "old"}, {"file": "new"}
LIVE, EARLIER = "me/my-model:v1", "me/my-model:v1-sweeper-rollback-1"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with one sweep that was promoted once."""
    home = Home(tmp_path / "mlruns")
    folder = home.sweep("my-sweep")
    folder.path.mkdir(parents=True)
    folder.events.touch()
    folder.space_path.write_text(str(write(tmp_path, VALID)))
    report = {
        "name": LIVE,
        "accepted": True,
        "reason": None,
        "is_dry": False,
        "is_forced": True,
        "finished": "2026-11-24T19:00:00+00:00",
        "gguf_sha256": "abcdef" * 10,
        "lineage": {
            "trial": 7,
            "data_sha256": {"data.train": "sha256:123456789"},
            "adapter_sha256": "f00ba7",
        },
        "models": [{"name": LIVE, "quantization": "f16", "digest": digest_of(NEW), "score": 0.5}],
    }
    write_json(report, folder.promotions / "1.json")
    return home


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> FakeOllama:
    fake = FakeOllama(cast(Any, None), cast(Any, None))
    fake.kept = {LIVE: NEW, EARLIER: OLD}
    for module in (rollback_command, history_command):
        monkeypatch.setattr(module, "connect", lambda settings: fake)
    return fake


def test_a_rollback_gives_the_last_model_back_and_keeps_the_other(
    home: Home, ollama: FakeOllama, capsys: pytest.CaptureFixture[str]
) -> None:
    rollback(home, "my-sweep", None)
    assert ollama.kept == {LIVE: OLD, EARLIER: NEW}
    assert f"{LIVE} is the model with digest {digest_of(OLD)[:12]} again" in capsys.readouterr().out
    assert champions(home) == []
    rollback(home, "my-sweep", None)
    assert ollama.kept == {LIVE: NEW, EARLIER: OLD}
    assert champions(home) == [("me--my-model--v1", "1")]


def champions(home: Home) -> list[Any]:
    """Name and version of what has the alias in MLflow."""
    with contextlib.closing(sqlite3.connect(home.mlruns / "mlflow.db")) as database:
        found = "SELECT name, version FROM registered_model_aliases WHERE alias = 'champion'"
        return [(name, str(version)) for name, version in database.execute(found)]


def test_a_registry_that_cannot_be_written_stops_no_rollback(
    home: Home, ollama: FakeOllama, capsys: pytest.CaptureFixture[str]
) -> None:
    (home.mlruns / "mlflow.db").write_text("no database" * 100)
    rollback(home, "my-sweep", None)
    assert ollama.kept == {LIVE: OLD, EARLIER: NEW}
    assert "Not registered in MLflow: " in capsys.readouterr().out


def test_a_rollback_that_was_broken_off_is_ended_and_no_other_begun(home: Home, ollama: FakeOllama) -> None:
    ollama.kept = {LIVE: OLD, EARLIER: OLD, "me/my-model:v1-sweeper-rollback-0": NEW}
    rollback(home, "my-sweep", None)
    assert ollama.kept == {LIVE: OLD, EARLIER: NEW}


@pytest.mark.parametrize("kept", [{}, {LIVE: NEW}], ids=["nothing live", "nothing kept"])
def test_without_an_earlier_model_nothing_is_changed(
    home: Home, ollama: FakeOllama, kept: dict[str, Any]
) -> None:
    ollama.kept = dict(kept)
    with pytest.raises(InputError, match=f"no earlier model of {LIVE} is kept"):
        rollback(home, "my-sweep", None)
    assert ollama.kept == kept


def test_a_model_that_somebody_removed_comes_back(home: Home, ollama: FakeOllama) -> None:
    ollama.kept = {EARLIER: OLD}
    rollback(home, "my-sweep", None)
    assert ollama.kept == {LIVE: OLD, EARLIER: OLD}


def test_the_history_tells_the_lineage_and_what_is_live(
    home: Home, ollama: FakeOllama, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    history(home, "my-sweep", is_json=False)
    table = capsys.readouterr().out
    for cell in (
        LIVE,
        " 7 ",
        "f16",
        "0.500",
        "abcdefab",
        digest_of(NEW)[:8],
        "12345678",
        "f00ba7",
        "live (forced)",
    ):
        assert cell in table
    ollama.kept = {LIVE: OLD}
    history(home, "my-sweep", is_json=False)
    assert "was live" in capsys.readouterr().out
    history(home, "my-sweep", is_json=True)
    assert json.loads(capsys.readouterr().out)[0]["lineage"]["trial"] == 7


def test_a_sweep_that_was_never_promoted_has_no_history(home: Home) -> None:
    (home.sweep("my-sweep").promotions / "1.json").write_text("damaged")
    with pytest.raises(InputError, match="nothing of it was promoted yet"):
        history(home, "my-sweep", is_json=False)


def test_what_went_live_is_known_again(home: Home) -> None:
    assert promoted_digests(home) == {digest_of(NEW)}


def test_quantizations_of_the_command_line() -> None:
    settings = PromoteSettings("bot", {}, None, ("q4_K_S",))
    assert quantizations(settings, None) == ("q4_K_S",)
    assert quantizations(settings, ["Q8_0,f16"]) == ("q8_0", "f16")
    with pytest.raises(InputError, match="--quantization: is 'q5', must be one of f16, "):
        quantizations(settings, ["q5"])
