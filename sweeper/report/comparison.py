"""What the sweep found, in words: how good the best trial is, how sure that is, and what is as good."""

from collections.abc import Sequence

from rich.text import Text

from sweeper.report.difference import difference
from sweeper.report.guard import lines_of_guard
from sweeper.report.objective import objective_value
from sweeper.report.on_test import line_of_test
from sweeper.report.progress import SweepProgress, TrialProgress
from sweeper.report.text import score
from sweeper.report.ties import tied_trials
from sweeper.scoring.looks import Look
from sweeper.scoring.pairing import compare_answers


def verdict_lines(progress: SweepProgress) -> list[str]:
    """What the dev cases say of the best trial: its score, its gain, and which trials are as good.

    Empty before a trial is complete.
    """
    best = progress.best
    if best is None:
        return []
    line = dev_score(progress, best)
    gain = compare_answers(progress.base.answers, best.answers)
    if gain is not None:
        line += f", {difference(gain)}"
    return [line, *_tie_lines(tied_trials(progress), best)]


def verdict(progress: SweepProgress, looks: Sequence[Look] = (), has_test: bool = True) -> Text:
    """`verdict_lines`, and what was seen on test and on guard suites, for the terminal, below the table
    that they explain. Without a test suite, `has_test`, nothing waits to be looked at."""
    lines = verdict_lines(progress)
    not_yet = "test: not looked at yet" if has_test else None
    if lines and (on_test := line_of_test(looks) or not_yet):
        lines.insert(1, on_test)
    lines += lines_of_guard(progress)
    return Text("".join(f"  {line}\n" for line in lines))


def dev_score(progress: SweepProgress, best: TrialProgress) -> str:
    """'dev 0.930 (best of 27 tried, so it flatters)'."""
    tried = progress.finished_count
    how = f"best of {tried} tried, so it flatters" if tried > 1 else "the only one tried"
    if tried > 1 and not progress.is_by_score:
        how = f"of {tried} tried it is the best by {progress.objective}: {objective_value(progress, best)}"
    return f"{progress.suite or 'dev'} {score(best.score)} ({how})"


def _tie_lines(tied: list[TrialProgress], best: TrialProgress) -> list[str]:
    if not tied:
        return []
    numbers = ", ".join(str(trial.number) for trial in tied if trial != best)
    line = f"Tied with trial {best.number}, for these cases cannot tell them apart: trial {numbers}"
    if tied[0] == best:
        return [f"{line}. None of them is cheaper"]
    return [f"{line}. The cheapest of all is trial {tied[0].number}"]
