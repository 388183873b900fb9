"""What a guard suite says of the winner, in words."""

from collections.abc import Sequence

from sweeper.report.difference import difference
from sweeper.scoring.degradation import MARGIN, ShownTrial, advice, verdict_on
from sweeper.scoring.statistics import Comparison


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
