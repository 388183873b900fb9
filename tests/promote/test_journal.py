"""What a run left that died in its swap is ended by the next one, or removed."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from sweeper.promote.journal import end_rollbacks, journal_path, settle
from sweeper.promote.live_models import live_models
from sweeper.promote.promotion import write_json
from sweeper.serving.model_name import parse_model_name
from tests.promote.fake_ollama import FakeOllama, Killed, digest_of

OLD, OTHER, NEW, NEW_Q = ({"file": name} for name in ("old", "other", "new", "new q8_0"))
LIVE, CANDIDATE, EARLIER = "bot:latest", "bot:latest-sweeper-candidate", "bot:latest-sweeper-rollback-1"
Q, Q_CANDIDATE, Q_EARLIER = "bot:q8_0", "bot:q8_0-sweeper-candidate", "bot:q8_0-sweeper-rollback-1"
PROVEN = {LIVE: OLD, Q: OTHER, CANDIDATE: NEW, Q_CANDIDATE: NEW_Q}
"""Where the swap begins."""
SWAPPED = {LIVE: NEW, EARLIER: OLD, Q: NEW_Q, Q_EARLIER: OTHER}


def server(kept: dict[str, Any]) -> FakeOllama:
    ollama = FakeOllama(cast(Any, None), cast(Any, None))
    ollama.kept = dict(kept)
    return ollama


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    models = [{"name": LIVE, "digest": digest_of(NEW)}, {"name": Q, "digest": digest_of(NEW_Q)}]
    write_json({"name": LIVE, "accepted": True, "models": models}, journal_path(tmp_path))
    return tmp_path


def test_without_a_journal_nothing_is_done(tmp_path: Path) -> None:
    ollama = server(PROVEN)
    assert settle(ollama, tmp_path) is None
    assert ollama.calls == 0


def test_where_no_name_was_changed_the_candidates_go(reports: Path) -> None:
    ollama = server(PROVEN)
    told = settle(ollama, reports)
    assert told is not None
    assert told.startswith("a run ended before bot:latest was changed")
    assert ollama.kept == {LIVE: OLD, Q: OTHER}
    assert list(reports.iterdir()) == []


@pytest.mark.parametrize(
    "kept",
    [
        {LIVE: NEW, EARLIER: OLD, Q: OTHER, CANDIDATE: NEW, Q_CANDIDATE: NEW_Q},
        {LIVE: NEW, EARLIER: OLD, Q: OTHER, Q_EARLIER: OTHER, CANDIDATE: NEW, Q_CANDIDATE: NEW_Q},
        {LIVE: NEW, EARLIER: OLD, Q: NEW_Q, Q_EARLIER: OTHER, CANDIDATE: NEW, Q_CANDIDATE: NEW_Q},
        SWAPPED,
    ],
    ids=["the first is changed", "the second is kept", "both are changed", "the candidates are gone"],
)
def test_a_swap_that_has_begun_is_ended_and_reported(reports: Path, kept: dict[str, Any]) -> None:
    ollama = server(kept)
    assert "that is now done" in str(settle(ollama, reports))
    assert ollama.kept == SWAPPED
    (report,) = reports.iterdir()
    assert json.loads(report.read_text())["accepted"]
    assert settle(ollama, reports) is None


def test_settling_may_die_too(reports: Path) -> None:
    begun = {LIVE: NEW, EARLIER: OLD, Q: OTHER, CANDIDATE: NEW, Q_CANDIDATE: NEW_Q}
    journal = journal_path(reports).read_bytes()
    whole = server(begun)
    settle(whole, reports)
    for call in range(1, whole.calls + 1):
        journal_path(reports).write_bytes(journal)
        ollama = server(begun)
        ollama.die_at = call
        with pytest.raises(Killed):
            settle(ollama, reports)
        ollama.die_at = None
        settle(ollama, reports)
        assert ollama.kept == SWAPPED


def test_a_rollback_that_was_broken_off_is_ended() -> None:
    leaving = "bot:latest-sweeper-rollback-0"
    ollama = server({LIVE: OLD, EARLIER: OLD, leaving: NEW})
    end_rollbacks(ollama, live_models(parse_model_name("bot"), ("f16",)))
    assert ollama.kept == {LIVE: OLD, EARLIER: NEW}
