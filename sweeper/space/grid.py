"""All trials of a space that can be counted, in an order that the seed decides."""

import random
from collections.abc import Mapping, Sequence

from sweeper.errors import InputError
from sweeper.space.baseline import Baseline
from sweeper.space.draw import Drawn, enumerate_points
from sweeper.space.expression import Expression
from sweeper.space.parameters import Parameter, Range, inner
from sweeper.space.yaml_file import YamlFile

GRID_LIMIT = 10_000


def check_grid(file: YamlFile, parameters: Mapping[str, Parameter], constraints: Sequence[Expression]) -> int:
    """How many trials the grid has. Raises InputError where it cannot be counted or is too large."""
    for name, parameter in parameters.items():
        found = inner(parameter)
        if isinstance(found, Range) and not found.integer and found.step is None:
            problem = "is a continuous range, which a grid cannot go through"
            fix = "Add a step, write `{values: [...]}`, or take `sampler: tpe`"
            raise _error(file, name, problem, fix)
    size = 0
    for examined, point in enumerate(enumerate_points(parameters, constraints)):
        if examined == GRID_LIMIT:
            problem = f"is grid, and this space has more than {GRID_LIMIT:,} points"
            raise file.error(("search", "sampler"), problem, "Search fewer values, or take `sampler: tpe`")
        size += point.fault is None
    return size


def _error(file: YamlFile, name: str, problem: str, fix: str) -> InputError:
    if ("parameters", name) in file.values:
        return file.error(("parameters", name), problem, fix)
    problem = f"is grid, and {name} {problem} in the default space"
    return file.error(("search", "sampler"), problem, "Write parameters with values, or take `sampler: tpe`")


def grid_order(
    parameters: Mapping[str, Parameter],
    constraints: Sequence[Expression],
    baseline: Sequence[Baseline],
    seed: int,
) -> list[Drawn]:
    """Each allowed point once: first one for each baseline entry, then the others shuffled by the seed.

    Shuffled, so that a grid that is only begun has seen some of everything.
    """
    points = [point.drawn for point in enumerate_points(parameters, constraints) if point.fault is None]
    random.Random(seed).shuffle(points)
    first: list[Drawn] = []
    for entry in baseline:
        found = next((point for point in points if entry.items() <= point.items()), None)
        if found is not None:  # None where an entry before it took the only such point
            points.remove(found)
            first.append(found)
    return first + points
