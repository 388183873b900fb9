"""Trials of a space without a sampler: all of them where they can be counted, else drawn at random."""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sweeper.space.expression import Expression
from sweeper.space.parameters import Choice, Parameter, Range, Scalar
from sweeper.space.resolve import Fault, Values, in_order, resolve

Drawn = dict[str, Scalar]
"""The values of the parameters that are drawn and apply."""


@dataclass(frozen=True, slots=True)
class Point:
    """One trial: what is drawn, all values that follow, and what is wrong with them."""

    drawn: Drawn
    values: Values
    fault: Fault | None


def draw(
    parameters: Mapping[str, Parameter],
    constraints: Sequence[Expression],
    seed: int,
    fixed: Mapping[str, Scalar] | None = None,
) -> Iterator[Point]:
    """Trials drawn evenly and without end, the `fixed` values kept. The same seed draws the same."""
    rng, order = random.Random(seed), in_order(parameters)
    while True:
        drawn: Drawn = {}

        def choose(name: str, parameter: Choice | Range, drawn: Drawn = drawn) -> Scalar:
            drawn[name] = fixed[name] if fixed and name in fixed else _random(parameter, rng)
            return drawn[name]

        values, fault = resolve(parameters, choose, constraints, order)
        yield Point(drawn, values, fault)


def enumerate_points(
    parameters: Mapping[str, Parameter],
    constraints: Sequence[Expression],
    ends_only: bool = False,
    fixed: Mapping[str, Scalar] | None = None,
) -> Iterator[Point]:
    """All trials, those that break a constraint too; the last parameter in order varies fastest.

    With `ends_only` a range stands for its two ends. Raises ValueError where a range that applies
    is continuous.
    """
    order = in_order(parameters)
    choices: list[tuple[Sequence[Scalar], int]] = []  # of each drawn parameter: values, and which now
    while True:
        drawn: Drawn = {}

        def choose(name: str, parameter: Choice | Range, drawn: Drawn = drawn) -> Scalar:
            depth = len(drawn)
            if depth == len(choices):
                one = (fixed[name],) if fixed and name in fixed else values_of(parameter, ends_only)
                choices.append((one, 0))
            values, index = choices[depth]
            drawn[name] = values[index]
            return drawn[name]

        values, fault = resolve(parameters, choose, constraints, order)
        yield Point(drawn, values, fault)
        while choices and choices[-1][1] + 1 == len(choices[-1][0]):
            choices.pop()
        if not choices:
            return
        last, index = choices.pop()
        choices.append((last, index + 1))


def values_of(parameter: Choice | Range, ends_only: bool = False) -> Sequence[Scalar]:
    """All values of a choice or of a range of steps or whole numbers. Raises ValueError for another."""
    if isinstance(parameter, Choice):
        return parameter.values
    if ends_only:
        return (_typed(parameter.low, parameter), _typed(parameter.high, parameter))
    step = parameter.step or (1 if parameter.integer else None)
    if step is None:
        raise ValueError("the range is continuous")
    if parameter.integer:
        return range(int(parameter.low), int(parameter.high) + 1, int(step))
    count = round((parameter.high - parameter.low) / step)
    return [stepped(parameter, parameter.low + index * step) for index in range(count + 1)]


def stepped(parameter: Range, value: float) -> float:
    """A value of a range with a step, without the dust of adding steps: 0.3 and not 0.30000000000000004."""
    return float(f"{value:.12g}") if parameter.step is not None and not parameter.integer else value


def _random(parameter: Choice | Range, rng: random.Random) -> Scalar:
    if isinstance(parameter, Choice):
        return rng.choice(parameter.values)
    low, high = parameter.low, parameter.high
    if parameter.step is not None:
        count = round((high - low) / parameter.step)
        return _typed(stepped(parameter, low + rng.randint(0, count) * parameter.step), parameter)
    if parameter.log:
        value = math.exp(rng.uniform(math.log(low), math.log(high)))
        return _typed(min(max(round(value) if parameter.integer else value, low), high), parameter)
    return rng.randint(int(low), int(high)) if parameter.integer else rng.uniform(low, high)


def _typed(value: float, parameter: Range) -> float | int:
    return int(value) if parameter.integer else value
