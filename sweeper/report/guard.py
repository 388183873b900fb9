"""What a guard suite says of the winner, in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeper.events import BASE_TRIAL
from sweeper.report.difference import difference
from sweeper.report.progress import SweepProgress, TrialProgress
from sweeper.scoring.degradation import MARGIN, ShownTrial, Verdict, advice, verdict_on
from sweeper.scoring.guard import guard_answers
from sweeper.scoring.statistics import Comparison


@dataclass(frozen=True, slots=True)
class GuardFinding:
    """One guard suite on the best trial. `trials` are the complete ones, with their scores on it where
    they were asked."""

    suite: str
    winner: ShownTrial
    trials: tuple[ShownTrial, ...]
    base_score: float
    comparison: Comparison

    @property
    def verdict(self) -> Verdict:
        return verdict_on(self.comparison)


def guard_findings(progress: SweepProgress) -> Iterator[GuardFinding]:
    """For each guard suite that base and best trial have answered."""
    best = progress.best
    if best is None:
        return
    complete = [trial for trial in progress.ranked if trial.config]
    for answers in guard_answers(progress.guard):
        comparison = answers.compared(best.number)
        base = answers.by_trial[BASE_TRIAL].score if comparison else None
        if comparison is None or base is None:
            continue
        trials = {each.number: answers.shown(_shown(each)) for each in complete}
        yield GuardFinding(answers.suite, trials[best.number], tuple(trials.values()), base, comparison)


def lines_of_guard(progress: SweepProgress) -> list[str]:
    """What `sweep best` says of all guard suites; empty where none was asked."""
    return [
        line
        for found in guard_findings(progress)
        for line in guard_lines(found.suite, found.comparison, found.winner, found.trials)
    ]


def _shown(trial: TrialProgress) -> ShownTrial:
    assert trial.config is not None
    return ShownTrial(trial.number, trial.config, trial.score or 0.0, trial.examples)


def guard_lines(
    suite: str, guard: Comparison, winner: ShownTrial, trials: Sequence[ShownTrial], margin: float = MARGIN
) -> list[str]:
    """One line where the winner kept what the base can; where it did not, what would help, too."""
    verdict = verdict_on(guard, margin)
    found = difference(guard)
    if verdict == "kept":
        return [f"{suite}: trial {winner.number} kept what the base can ({found})"]
    if verdict == "unclear":
        cannot = f"these cases cannot rule out a loss of more than {margin:g}"
        return [f"{suite}: {cannot} ({found})"]
    return [
        f"{suite}: trial {winner.number} is DEGRADED: it lost what the base can ({found}). What helps:",
        *(f"  {number}. {each}" for number, each in enumerate(advice(winner, trials), 1)),
    ]
