"""What the sweep has asked is not asked again; the gate refuses a degraded trial and no other."""

from pathlib import Path

import pytest

from sweeper.commands.guard import guard_evidence
from sweeper.event_log import EventLog
from sweeper.events import BASE_TRIAL, CaseAnswer, SuiteScored
from sweeper.home import Home
from sweeper.promote.gate import Evidence, prove_kept
from sweeper.scoring.fingerprint import suite_fingerprint
from sweeper.scoring.score import Score
from sweeper.scoring.space_suites import space_suites
from sweeper.scoring.suite import Suite
from sweeper.space.load import load_space
from tests.space.valid_space import VALID, write


def answered(suite: Suite, right: int) -> tuple[CaseAnswer, ...]:
    return tuple(CaseAnswer(case.id, "p", "a", "e", float(at < right)) for at, case in enumerate(suite.cases))


def test_what_is_in_the_log_is_not_asked_again(tmp_path: Path) -> None:
    dev = 'name: dev\ncases: [{instruction: a, expected: "b"}]\n'
    path = write(tmp_path, VALID)
    for name in ("dev", "test"):
        (tmp_path / f"{name}.yaml").write_text(dev.replace("name: dev", f"name: {name}"))
    space, folder = load_space(path), Home(tmp_path / "mlruns").sweep("my-sweep")
    [sanity] = space_suites(space).guard
    log = EventLog(folder.events)
    log.open()
    for trial, right in ((BASE_TRIAL, 20), (3, 4)):
        answers = answered(sanity, right)
        event = SuiteScored(trial, 1.0, "sanity", right / 32, 1.0, answers, guard=suite_fingerprint(sanity))
        log.append(event)
    asked: list[int] = []

    def answer(trial: int, suite: Suite) -> Score:
        asked.append(trial)
        return Score(suite.name, 1.0, 1.0, answered(suite, 20))

    [winner] = guard_evidence(space, folder, 3, answer)
    assert asked == []
    assert not prove_kept(winner).passed
    [other] = guard_evidence(space, folder, 4, answer)
    assert asked == [4]
    assert other.base == winner.base
    assert prove_kept(other).passed


@pytest.mark.parametrize(("lost", "passes"), [(0, True), (2, True), (16, False), (40, False)])
def test_the_gate_refuses_what_is_degraded_and_nothing_else(lost: int, passes: bool) -> None:
    base = tuple(CaseAnswer(f"{case}", "p", "a", "e", 1.0) for case in range(40))
    trial = tuple(CaseAnswer(f"{case}", "p", "a", "e", float(case >= lost)) for case in range(40))
    proof = prove_kept(Evidence("sanity", base, trial))
    assert proof.passed == passes
    assert proof.detail.startswith("sanity, 40 cases: base 1.000, trial ")


def test_a_suite_without_a_shared_case_proves_nothing() -> None:
    assert not prove_kept(Evidence("sanity", (), ())).passed
