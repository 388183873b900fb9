"""Cuts a trial into micro-batches that fit a memory limit. Pure: predicted bytes come in as a function."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

PredictBytes = Callable[[int], int]
"""Predicted peak of one step with this many rows in its micro-batch."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`gpu_memory_bytes` of the device, of which the share `headroom` stays free."""

    gpu_memory_bytes: int
    headroom: float

    @property
    def usable_bytes(self) -> int:
        return int(self.gpu_memory_bytes * (1 - self.headroom))


@dataclass(frozen=True, slots=True)
class Fits:
    """A micro-batch that fits. Their product is the effective batch."""

    micro_batch_size: int
    gradient_accumulation_steps: int
    predicted_bytes: int


@dataclass(frozen=True, slots=True)
class Infeasible:
    """Fits in no way that the trial allows. `predicted_bytes` are those of the smallest way."""

    predicted_bytes: int
    limit_bytes: int

    @property
    def constraint(self) -> float:
        """How far above the limit, as a share of it: above 0, as Optuna's constraints want it."""
        return self.predicted_bytes / self.limit_bytes - 1


def plan_within(
    limit: Limit,
    effective_batch_size: int,
    predict: PredictBytes,
    largest: int | None = None,
    per_device_train_batch_size: int | None = None,
) -> Fits | Infeasible:
    """The largest divisor of the effective batch that fits, up to `largest` where speed sets a bound.

    A `per_device_train_batch_size` that the user set is taken as it is or not at all. The smallest is
    looked at first: where that does not fit, the others need not be predicted.
    """
    if per_device_train_batch_size is not None:
        sizes = [per_device_train_batch_size]
    else:
        bound = effective_batch_size if largest is None else max(largest, 1)
        sizes = [size for size in divisors(effective_batch_size) if size <= bound]
    least = predict(sizes[0])
    if least > limit.usable_bytes:
        return Infeasible(least, limit.usable_bytes)
    for size in reversed(sizes[1:]):
        predicted = predict(size)
        if predicted <= limit.usable_bytes:
            return Fits(size, effective_batch_size // size, predicted)
    return Fits(sizes[0], effective_batch_size // sizes[0], least)


def divisors(number: int) -> list[int]:
    """All whole numbers that divide `number`, from 1 up."""
    return [size for size in range(1, number + 1) if number % size == 0]


def largest_cohort(limit: Limit, sizes: Sequence[int], predict: PredictBytes) -> int:
    """The largest of `sizes` trials at once that fits, 0 where none does. `predict` takes their number."""
    return max((size for size in sizes if predict(size) <= limit.usable_bytes), default=0)
