"""What a comparison of two models comes to, in words."""

from rich.text import Text

from sweeper.report.progress import SweepProgress, TrialProgress
from sweeper.report.text import score
from sweeper.report.ties import tied_trials
from sweeper.scoring.pairing import compare_answers
from sweeper.scoring.statistics import Comparison


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


def verdict(progress: SweepProgress) -> Text:
    """`verdict_lines` for the terminal, below the table that they explain."""
    return Text("".join(f"  {line}\n" for line in verdict_lines(progress)))


def dev_score(progress: SweepProgress, best: TrialProgress) -> str:
    """'dev 0.930 (best of 27 tried, so it flatters)'."""
    tried = progress.finished_count
    how = f"best of {tried} tried, so it flatters" if tried > 1 else "the only one tried"
    return f"{progress.suite or 'dev'} {score(best.score)} ({how})"


def difference(found: Comparison, over: str = "base") -> str:
    """'+0.31 over base, 95 % interval [0.22, 0.40], p < 0.001, n = 100', and what to make of it."""
    digits = 2 if abs(found.difference) >= 0.1 else 3
    low, high = (f"{end:.{digits}f}" for end in (found.interval.low, found.interval.high))
    line = (
        f"{found.difference:+.{digits}f} over {over}, 95 % interval [{low}, {high}], "
        f"{_p(found.p_value)}, n = {found.cases}"
    )
    if found.clusters < found.cases:
        line += f" in {found.clusters} groups"
    return f"{line}{_doubt(found)}"


def _doubt(found: Comparison) -> str:
    if found.is_settled:
        return ""
    if found.difference == 0:
        return ". There is no difference on these cases"
    told = f". The {'gain' if found.difference > 0 else 'loss'} may be chance"
    if found.cases_to_settle is None:
        return f"{told}; more cases would tell"
    return f"{told}; about {found.cases_to_settle:,} cases would settle it"


def _p(value: float) -> str:
    """Two digits, for the third is noise of the permutations."""
    if value < 0.001:
        return "p < 0.001"
    return f"p = {value:.3f}" if value < 0.01 else f"p = {value:.2f}"


def _tie_lines(tied: list[TrialProgress], best: TrialProgress) -> list[str]:
    if not tied:
        return []
    numbers = ", ".join(str(trial.number) for trial in tied if trial != best)
    line = f"Tied with trial {best.number}, for these cases cannot tell them apart: trial {numbers}"
    if tied[0] == best:
        return [f"{line}. None of them is cheaper"]
    return [f"{line}. The cheapest of all is trial {tied[0].number}"]
