"""What trials a space has: all of them where they are few, else a sample that holds its corners."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sweeper.space.draw import Point, draw, enumerate_points
from sweeper.space.expression import Expression
from sweeper.space.parameters import Choice, Constant, Parameter, Range, Scalar
from sweeper.space.space import Space

DRAWS = 2000
_CORNERS = 500


@dataclass(frozen=True, slots=True)
class Survey:
    """`exact` where `points` are all that the space has, those that break a constraint too."""

    points: tuple[Point, ...]
    exact: bool

    @property
    def allowed(self) -> list[Point]:
        return [point for point in self.points if point.fault is None]


def survey(
    parameters: Mapping[str, Parameter],
    constraints: Sequence[Expression],
    fixed: Mapping[str, Scalar] | None = None,
) -> Survey:
    """At most DRAWS points, or DRAWS points and some corners. The same space gives the same survey."""
    try:
        points = tuple(islice(enumerate_points(parameters, constraints, fixed=fixed), DRAWS + 1))
        if len(points) <= DRAWS:
            return Survey(points, exact=True)
    except ValueError:
        pass  # a range is continuous
    corners = islice(enumerate_points(parameters, constraints, ends_only=True, fixed=fixed), _CORNERS)
    return Survey((*corners, *islice(draw(parameters, constraints, seed=0, fixed=fixed), DRAWS)), exact=False)


def extreme_values(space: Space, name: str) -> list[Scalar]:
    """Values of one parameter among which are its smallest and its largest; none where it does not apply.

    All of a choice, both ends of a range. Of a computed or conditional one, and under constraints, what
    a survey shows: not covered are extremes that lie inside a range and that no draw came upon.
    """
    parameter = space.parameters[name]
    if not space.constraints:
        match parameter:
            case Constant(value=value):
                return [] if value is None else [value]
            case Choice(values=values):
                return list(values)
            case Range(low=low, high=high):
                return [low, high]
    points = survey(space.parameters, space.constraints).allowed
    found = dict.fromkeys(point.values[name] for point in points)
    return [value for value in found if value is not None]
