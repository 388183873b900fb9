"""What base and a trial answer to the guard suites, for whoever decides by it."""

from typing import TYPE_CHECKING

from sweeper.commands.look import Answering
from sweeper.event_log import EventLog
from sweeper.events import BASE_TRIAL, CaseAnswer, SuiteScored
from sweeper.home import SweepFolder
from sweeper.scoring.fingerprint import suite_fingerprint
from sweeper.scoring.guard import GuardAnswers, guard_answers
from sweeper.scoring.space_suites import space_suites
from sweeper.scoring.suite import Suite
from sweeper.space.space import Space

if TYPE_CHECKING:
    from sweeper.promote.gate import Evidence


def guard_evidence(space: Space, folder: SweepFolder, trial: int, answer: Answering) -> "list[Evidence]":
    """For each guard suite of `space` what base and `trial` answered: as the sweep kept it, else asked now.

    The sweep has asked its winner. Any other complete trial, and a guard suite that came into the space
    afterwards, cost `answer`, which loads the base at its first call.
    """
    from sweeper.promote.gate import Evidence

    scored = (event for _, event in EventLog(folder.events).read() if isinstance(event, SuiteScored))
    kept = {each.fingerprint: each for each in guard_answers(scored)}
    evidence = []
    for suite in space_suites(space).guard:
        known = kept.get(suite_fingerprint(suite))
        base, own = (_answers(known, number, suite, answer) for number in (BASE_TRIAL, trial))
        evidence.append(Evidence(suite.name, base, own))
    return evidence


def _answers(
    known: GuardAnswers | None, trial: int, suite: Suite, answer: Answering
) -> tuple[CaseAnswer, ...]:
    if known is not None and trial in known.by_trial:
        return known.by_trial[trial].answers
    return answer(trial, suite).answers
