"""A comparison of two models in words."""

from sweeper.scoring.statistics import Comparison


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
