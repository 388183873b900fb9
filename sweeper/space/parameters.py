"""What one parameter of a space may be: constant, chosen, from a range, computed, or only at times."""

from dataclasses import dataclass

from sweeper.space.expression import Expression
from sweeper.space.scalar import Scalar as Scalar


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
    """From `low` to `high`, both included; uniform in the logarithm if `log`. Whole numbers if `integer`.

    With a `step` only `low`, `low + step`, ... up to `high`, which is one of them.
    """

    low: float
    high: float
    log: bool
    integer: bool
    step: float | None = None


@dataclass(frozen=True, slots=True)
class Computed:
    """What an expression over other parameters gives."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class Conditional:
    """`parameter` in trials in which `when` holds; `otherwise` in the others."""

    parameter: Choice | Range | Computed
    when: Expression
    otherwise: Scalar | None


Parameter = Constant | Choice | Range | Computed | Conditional


def inner(parameter: Parameter) -> Constant | Choice | Range | Computed:
    """The parameter itself, its condition aside."""
    return parameter.parameter if isinstance(parameter, Conditional) else parameter
