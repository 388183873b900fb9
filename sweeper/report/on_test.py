"""What the looks at the test suite say, in words."""

from collections.abc import Sequence

from sweeper.events import BASE_TRIAL
from sweeper.report.difference import difference
from sweeper.report.text import score
from sweeper.scoring.looks import Look, count_looks, latest
from sweeper.scoring.pairing import compare_answers
from sweeper.scoring.statistics import Comparison


def gain_on_test(looks: Sequence[Look]) -> tuple[Look, Comparison | None] | None:
    """The last look at a trial, and its gain over the base on the same cases; None before there is one."""
    look = next((look for look in reversed(looks) if look.trial != BASE_TRIAL), None)
    if look is None:
        return None
    base = latest(looks, BASE_TRIAL, look.cases)
    return look, compare_answers(base.answers, look.answers) if base else None


def line_of_test(looks: Sequence[Look]) -> str | None:
    """'test 0.917 (trial 3), +0.31 over base, ... (test looked at 3 times)'; None before the first look."""
    found = gain_on_test(looks)
    if found is None:
        return None
    look, gain = found
    line = f"test {score(look.score)} (trial {look.trial})"
    if gain is not None:
        line += f", {difference(gain)}"
    times = count_looks(looks)
    told = "once" if times == 1 else f"{times} times, and each look is a chance to choose by it"
    return f"{line} (test looked at {told})"
