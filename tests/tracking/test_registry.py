"""Promotions in MLflow's registry, read back by plain SQL."""

import contextlib
import copy
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import UnavailableError
from sweeper.event_log import EventLog
from sweeper.home import Home
from sweeper.tracking import Tracker
from sweeper.tracking.registry import Digests, keep_promotions, registered_name
from tests.search.spaces import make_space
from tests.sweep_events import sweep_events

pytestmark = pytest.mark.usefixtures("_mlflow_databases_are_copies")
NAME = "me/bot:v1"


def report(digest: str, minute: int, trial: int = 2, name: str = NAME) -> dict[str, Any]:
    return {
        "name": name,
        "finished": f"2026-11-24T19:{minute:02}:00+00:00",
        "gguf_sha256": f"gguf of {digest}",
        "gguf_md5": "0",
        "lineage": {"sweep": "tickets", "trial": trial, "base": "org/base", "base_sha256": "base"},
        "models": [{"name": name, "digest": digest, "quantization": "f16", "score": 0.5}],
    }


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a home whose sweep `tickets` is in MLflow."""
    folder = tmp_path_factory.mktemp("tracked")
    home = Home(folder / "mlruns")
    space = make_space(folder)
    space.path.write_text("name: tickets\n")
    log = EventLog(home.sweep(space.name).events)
    log.open()
    for event in sweep_events():
        log.append(event)
    Tracker(home, home.sweep(space.name), space).finish(log)
    return folder


def query(home: Home, text: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(home.mlruns / "mlflow.db")) as database:
        return database.execute(text).fetchall()


def aliases(home: Home) -> dict[str, str]:
    """Alias -> digest of the version that has it."""
    return dict(
        query(
            home,
            "SELECT a.alias, t.value FROM registered_model_aliases a JOIN model_version_tags t"
            " ON t.name = a.name AND t.version = a.version AND t.key = 'sweeper.ollama_digest'",
        )
    )


def test_versions_link_run_file_and_digest_and_the_aliases_follow(tracked: Path) -> None:
    home, told = Home(tracked / "mlruns"), [report("old", 1), report("new", 2)]
    for _ in range(2):  # again changes nothing
        assert keep_promotions(home, "tickets", told, {NAME: Digests("new", "old")}) == ["me--bot--v1"]
    assert aliases(home) == {"champion": "new", "previous": "old"}
    assert query(home, "SELECT COUNT(*) FROM model_versions") == [(2,)]
    run_id, source = query(home, "SELECT run_id, source FROM model_versions WHERE version = 2")[0]
    (trial,) = query(home, f"SELECT value FROM tags WHERE key = 'sweeper.trial' AND run_uuid = '{run_id}'")
    assert trial == ("2",)
    tags = dict(query(home, "SELECT key, value FROM model_version_tags WHERE version = 2"))
    assert tags["sweeper.gguf_sha256"] == "gguf of new"
    assert tags["sweeper.trial"] == "2"
    (artifact,) = home.artifacts.rglob("*1902*-me--bot--v1.json")
    assert json.loads(artifact.read_text()) == told[1]
    assert source.endswith(artifact.name)

    keep_promotions(home, "tickets", told, {NAME: Digests("old", "new")})  # a rollback
    assert aliases(home) == {"champion": "old", "previous": "new"}
    keep_promotions(home, "tickets", told, {NAME: Digests("somebody else's", None)})
    assert aliases(home) == {}


def test_without_its_run_a_promotion_is_registered_all_the_same(tmp_path: Path) -> None:
    home = Home(tmp_path / "mlruns")
    keep_promotions(
        home, "gone", [report("new", 1, trial=9, name="bot:latest")], {"bot:latest": Digests("new", None)}
    )
    assert query(home, "SELECT name, run_id FROM model_versions") == [("bot", None)]
    assert aliases(home) == {"champion": "new"}


def test_a_merge_of_an_nf4_trial_is_told_with_both_dev_scores(tmp_path: Path) -> None:
    home = Home(tmp_path / "mlruns")
    both = {"dequantised": {"objective": 0.75, "target_loss": 0.5}, "original": {"objective": 0.5}}
    merged = {**report("new", 1, trial=9), "merge": {"taken": "dequantised", **both}}
    keep_promotions(home, "gone", [merged], {NAME: Digests("new", None)})
    tags = dict(query(home, "SELECT key, value FROM model_version_tags"))
    assert tags["sweeper.merged_into"] == "dequantised"
    assert (tags["sweeper.dev_dequantised"], tags["sweeper.dev_original"]) == ("0.75", "0.5")


def test_two_names_that_come_to_one_are_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "mlruns")
    other = copy.deepcopy(report("b", 2, name="me--bot:v1"))
    assert registered_name(NAME) == registered_name(other["name"])
    with pytest.raises(UnavailableError, match="me--bot--v1 is of me/bot:v1, so me--bot:v1 is not"):
        keep_promotions(home, "tickets", [report("a", 1), other], {})


def test_a_broken_database_is_one_line(tmp_path: Path) -> None:
    home = Home(tmp_path / "mlruns")
    home.mlruns.mkdir()
    (home.mlruns / "mlflow.db").write_text("no database" * 100)
    with pytest.raises(UnavailableError, match=r"registry cannot be written \(file is not a database"):
        keep_promotions(home, "tickets", [], {})
