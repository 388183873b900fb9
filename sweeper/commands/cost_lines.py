"""What a sweep will cost, in lines to read."""

from sweeper.report.speed import Speed
from sweeper.report.text import duration
from sweeper.search.cost import DiskNeed, TrainingCost
from sweeper.space.memory_size import size


def training_line(cost: TrainingCost, speed: Speed | None) -> str:
    """'Training: about 1,200,000 tokens in 340 steps, ...', with a time only where one was measured."""
    stopped = f" (of all trials' whole, {cost.share:.0%})" if cost.share < 1 else ""
    line = f"Training: about {_rounded(cost.tokens)} tokens in {_rounded(cost.steps)} steps{stopped}."
    if speed is None:
        return f"{line} How long that takes the first trial will tell; none was trained on this model yet."
    took = duration(cost.tokens / speed.tokens_per_second)
    return (
        f"{line} At {_rounded(speed.tokens_per_second)} tokens/s, as in sweep {speed.sweep}, that is {took}, "
        "without loading and scoring."
    )


def disk_line(low: DiskNeed, high: DiskNeed, free_bytes: float) -> str:
    """What is written at most, against what is free; says so where that may not be enough."""
    line = (
        f"Disk: at most {size(high.total)} ({size(high.adapters)} adapters with MLflow's copies, "
        f"{size(high.checkpoints)} checkpoints), {size(free_bytes)} free."
    )
    if free_bytes >= high.total:
        return line
    return (
        f"{line} That may not be enough: with the smallest adapters of the space it takes {size(low.total)}."
    )


def _rounded(number: float) -> str:
    """Two digits, for it is an estimate."""
    digits = len(str(int(number)))
    return f"{round(number, 2 - digits) if digits > 2 else round(number):,.0f}"
