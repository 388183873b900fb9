"""What one parameter of a space may be: a constant, a choice among values, or a range."""

from dataclasses import dataclass

Scalar = float | int | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """The same in every trial; None where the parameter does not apply (max_steps beside epochs)."""

    value: Scalar | None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `values`, which are ordered as the user wrote them."""

    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both included; uniform in the logarithm if `log`. Whole numbers if `integer`."""

    low: float
    high: float
    log: bool
    integer: bool


Parameter = Constant | Choice | Range


def extremes(parameter: Parameter) -> list[Scalar]:
    """All values of a constant or a choice, the two ends of a range."""
    match parameter:
        case Constant(value=value):
            return [] if value is None else [value]
        case Choice(values=values):
            return list(values)
        case Range(low=low, high=high):
            return [low, high]
