"""Whether a trial may be promoted at all: better than the base on test, by more than chance, and not
degraded on a guard suite."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.events import CaseAnswer
from sweeper.promote.proofs import Proof
from sweeper.scoring.degradation import MARGIN, verdict_on
from sweeper.scoring.pairing import compare_answers
from sweeper.space.promote_settings import GateSettings

GATE = "gate: better than the base on test"
KEPT = "gate: has kept what the base can"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What base and trial answered to the same suite, which the search was not steered by."""

    suite: str
    base: tuple[CaseAnswer, ...]
    trial: tuple[CaseAnswer, ...]


def prove_gain(evidence: Evidence, settings: GateSettings) -> Proof:
    """The lower end of the paired interval of trial minus base lies above `min_gain`."""
    found = compare_answers(evidence.base, evidence.trial)
    if found is None:
        return Proof(GATE, False, f"{evidence.suite} has no case that both have a score for")
    low, high = found.interval.low, found.interval.high
    detail = (
        f"{evidence.suite}, {found.cases} cases: base {_mean(evidence.base):.3f}, "
        f"trial {_mean(evidence.trial):.3f}, {found.difference:+.3f} "
        f"with 95 % interval [{low:.3f}, {high:.3f}], which must lie above {settings.min_gain:g}"
    )
    return Proof(GATE, low > settings.min_gain, detail)


def prove_kept(evidence: Evidence, margin: float = MARGIN) -> Proof:
    """On a guard suite the trial has not fallen by `margin` or more below the base, chance ruled out.

    Cases that are too few to say do not refuse a trial: a guard suite is there to name a loss.
    """
    found = compare_answers(evidence.base, evidence.trial)
    if found is None:
        return Proof(KEPT, False, f"{evidence.suite} has no case that both have a score for")
    verdict = verdict_on(found, margin)
    low, high = found.interval.low, found.interval.high
    detail = (
        f"{evidence.suite}, {found.cases} cases: base {_mean(evidence.base):.3f}, "
        f"trial {_mean(evidence.trial):.3f}, {found.difference:+.3f} with 95 % interval "
        f"[{low:.3f}, {high:.3f}]; degraded is a loss of {margin:g} and more: {verdict}"
    )
    return Proof(KEPT, verdict != "degraded", detail)


def _mean(answers: Sequence[CaseAnswer]) -> float:
    scores = [answer.score for answer in answers if answer.score is not None]
    return sum(scores) / len(scores) if scores else 0.0
