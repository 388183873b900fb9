"""What a space file says across its parameters: constraints, what is tried first, and the grid."""

from dataclasses import replace

from sweeper.space.baseline import check_baseline
from sweeper.space.default_space import DEFAULT_BASELINE
from sweeper.space.grid import check_grid
from sweeper.space.possible import check_possible
from sweeper.space.read_expression import read_condition
from sweeper.space.schema import SpaceFile
from sweeper.space.space import Space
from sweeper.space.wording import count
from sweeper.space.yaml_file import YamlFile


def with_expressions(file: YamlFile, written: SpaceFile, space: Space) -> Space:
    """The space with constraints and baseline, and no more trials than its grid has points.

    Raises InputError, with the place, where they do not fit the parameters.
    """
    constraints = tuple(read_condition(text) for text in written.constraints)
    check_possible(file, space.parameters, constraints)
    space = replace(space, constraints=constraints)
    if space.search.sampler == "grid":
        space = _clipped(space, check_grid(file, space.parameters, constraints), written)
    if written.baseline is None and written.parameters is None and not constraints:
        return replace(space, baseline=DEFAULT_BASELINE)
    baseline = check_baseline(file, space.parameters, constraints, written.baseline or ())
    return replace(space, baseline=baseline)


def _clipped(space: Space, size: int, written: SpaceFile) -> Space:
    """The whole grid, where search.trials is not written or larger."""
    asked = space.search.trials if "trials" in written.search.model_fields_set else size
    notes = space.notes
    if asked > size:
        notes += (f"search.trials is {asked}, and the grid has {count(size, 'point')}: each is tried once.",)
    elif asked < size:
        notes += (f"The grid has {count(size, 'point')}: search.trials tries {asked} of them.",)
    return replace(space, search=replace(space.search, trials=min(asked, size)), notes=notes)
