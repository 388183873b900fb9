"""Between a space's parameters and what Optuna samples and stores."""

from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from sweeper.space.draw import stepped
from sweeper.space.parameters import Choice, Parameter, Range, Scalar
from sweeper.space.resolve import resolve
from sweeper.space.trial_config import TrialConfig

Stored = float | int | str
"""A value as Optuna keeps it: tuples of module names are no category to Optuna, their text is."""


def config_of(parameters: Mapping[str, Parameter], stored: Mapping[str, Any]) -> TrialConfig:
    """The trial that Optuna's `stored` values mean in a space of these `parameters`.

    Raises KeyError if a value is missing or is none of its parameter's choices: a study of another
    space, which `Study` refuses before it comes to this.
    """
    found, fault = resolve(parameters, lambda name, parameter: value_of(parameter, stored[name]))
    assert fault is None, "only what resolves is proposed"
    values: dict[str, Any] = found
    return TrialConfig(**values)


def distribution_of(parameter: Choice | Range) -> BaseDistribution:
    """Optuna's distribution of one parameter."""
    if isinstance(parameter, Choice):
        return CategoricalDistribution([stored_of(value) for value in parameter.values])
    low, high, step = parameter.low, parameter.high, parameter.step
    if parameter.integer:
        return IntDistribution(int(low), int(high), log=parameter.log, step=int(step or 1))
    return FloatDistribution(low, high, log=parameter.log, step=step)


def value_of(parameter: Choice | Range, stored: Stored) -> Scalar:
    """The value that Optuna's `stored` one means. Raises KeyError where it is none of the choices."""
    if isinstance(parameter, Choice):
        return {stored_of(value): value for value in parameter.values}[stored]
    assert isinstance(stored, (int, float)), "Optuna keeps numbers for ranges"
    return stepped(parameter, stored)


def stored_of(value: Scalar) -> Stored:
    """A value as Optuna keeps it."""
    return ", ".join(value) if isinstance(value, tuple) else value
