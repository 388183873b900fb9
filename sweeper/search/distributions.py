"""Between a space's parameters and what Optuna samples and stores."""

from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from sweeper.space.parameters import Choice, Constant, Parameter, Range, Scalar
from sweeper.space.trial_config import TrialConfig

Stored = float | int | str
"""A value as Optuna keeps it: tuples of module names are no category to Optuna, their text is."""


def distributions_of(parameters: Mapping[str, Parameter]) -> dict[str, BaseDistribution]:
    """What Optuna samples: every parameter that is not constant.

    By name, for random draws are made in this order, which must not hang on the order in the file.
    """
    return {
        name: _distribution(parameter)
        for name, parameter in sorted(parameters.items())
        if not isinstance(parameter, Constant)
    }


def config_of(parameters: Mapping[str, Parameter], stored: Mapping[str, Any]) -> TrialConfig:
    """The trial that Optuna's `stored` values mean in a space of these `parameters`.

    Raises KeyError if a value is missing or is none of its parameter's choices: a study of another
    space, which `Study` refuses before it comes to this.
    """
    values: dict[str, Any] = {
        name: parameter.value if isinstance(parameter, Constant) else _value(parameter, stored[name])
        for name, parameter in parameters.items()
    }
    return TrialConfig(**values)


def _distribution(parameter: Choice | Range) -> BaseDistribution:
    if isinstance(parameter, Choice):
        return CategoricalDistribution([_stored(value) for value in parameter.values])
    if parameter.integer:
        return IntDistribution(int(parameter.low), int(parameter.high), log=parameter.log)
    return FloatDistribution(parameter.low, parameter.high, log=parameter.log)


def _value(parameter: Choice | Range, stored: Stored) -> Any:
    if isinstance(parameter, Choice):
        return {_stored(value): value for value in parameter.values}[stored]
    return stored


def _stored(value: Scalar) -> Stored:
    return ", ".join(value) if isinstance(value, tuple) else value
