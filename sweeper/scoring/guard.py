"""Guard suites: whom they are asked of, and what their answers say of the winner.

A guard suite asks for what the training rows do not teach. It decides nothing in the search: base and
winner answer it in the end, and where the winner is degraded, so do the trials that may be a way out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sweeper.events import BASE_TRIAL, SuiteScored
from sweeper.scoring.degradation import MARGIN, ShownTrial, Verdict, verdict_on, worth_asking
from sweeper.scoring.pairing import compare_answers
from sweeper.scoring.statistics import Comparison


@dataclass(frozen=True, slots=True)
class GuardAnswers:
    """All that was answered to one guard suite as it is now, by trial; BASE_TRIAL is the base."""

    suite: str
    fingerprint: str
    by_trial: Mapping[int, SuiteScored] = field(default_factory=dict)

    def compared(self, trial: int) -> Comparison | None:
        """The trial over the base; None where one of the two did not answer, or no case is scored."""
        base, own = self.by_trial.get(BASE_TRIAL), self.by_trial.get(trial)
        return compare_answers(base.answers, own.answers) if base and own else None

    def verdict(self, trial: int, margin: float = MARGIN) -> Verdict | None:
        found = self.compared(trial)
        return verdict_on(found, margin) if found else None

    def shown(self, trial: ShownTrial) -> ShownTrial:
        """The trial with its score here, where it has one."""
        own = self.by_trial.get(trial.number)
        return replace(trial, guard_score=own.score) if own else trial


def guard_answers(events: Iterable[SuiteScored]) -> list[GuardAnswers]:
    """What was answered, for each suite by its name, of its last form; others' events are left out."""
    found: dict[str, GuardAnswers] = {}
    for event in events:
        if not event.guard:
            continue
        known = found.get(event.suite)
        if known is None or known.fingerprint != event.guard:
            known = GuardAnswers(event.suite, event.guard)
        found[event.suite] = replace(known, by_trial={**known.by_trial, event.trial: event})
    return list(found.values())


def next_to_ask(
    fingerprints: Sequence[str],
    answers: Sequence[GuardAnswers],
    winner: ShownTrial,
    trials: Sequence[ShownTrial],
) -> int | None:
    """Who is to answer the suites of these `fingerprints` next; None when all that matters is known."""
    known = {each.fingerprint: each for each in answers}

    def lacks(trial: int) -> bool:
        return any(each not in known or trial not in known[each].by_trial for each in fingerprints)

    for trial in (BASE_TRIAL, winner.number):
        if lacks(trial):
            return trial
    if any(known[each].verdict(winner.number) == "degraded" for each in fingerprints):
        return next((trial for trial in worth_asking(winner, trials) if lacks(trial)), None)
    return None
