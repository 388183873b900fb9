"""Loads a space file: from YAML to a checked Space."""

import os
from collections.abc import Mapping
from pathlib import Path

from sweeper.errors import InputError
from sweeper.space.base import resolve_base
from sweeper.space.data_section import data_settings
from sweeper.space.default_space import DEFAULT_CONSTANTS, DEFAULT_SPACE
from sweeper.space.evaluation_section import suite_paths
from sweeper.space.load_expressions import with_expressions
from sweeper.space.parameters import Computed, Constant, Parameter
from sweeper.space.read_expression import read_expression
from sweeper.space.rules import PAIR
from sweeper.space.schema import ParametersSection, SpaceFile
from sweeper.space.space import Space
from sweeper.space.yaml_file import YamlFile, check, read_yaml


def load_space(path: Path) -> Space:
    """Reads the file and all that it names but the contents: every file named exists.

    Paths in it are relative to its folder. `base` stays as it is written: `resolve_base(space.base,
    space.path.parent)` finds it. Raises InputError with file:line:column for the first fault.
    Example: `load_space(Path("search_spaces/quickstart.yaml")).search.trials`.
    """
    file = read_yaml(path)
    written = check(file, SpaceFile)
    _check_base(file, written.model.base)
    data = data_settings(file, written.data)
    suites = suite_paths(file, written.evaluation)
    space = Space(
        path=Path(os.path.abspath(path)),
        name=written.name,
        base=written.model.base,
        data=data,
        parameters=_parameters(written.parameters),
        search=written.search.settings(),
        dev=suites.dev,
        test=suites.test,
        split=suites.split,
        guard=suites.guard,
        promote=written.promote.settings(written.name),
        limits=written.limits.settings,
        model=written.model.settings,
        workers=written.workers.settings,
    )
    return with_expressions(file, written, space)


def _check_base(file: YamlFile, text: str) -> None:
    try:
        resolve_base(text, _folder(file))
    except InputError as error:
        raise file.error(("model", "base"), f"is '{text}': {error.problem}", error.fix) from None


def _folder(file: YamlFile) -> Path:
    return Path(os.path.abspath(file.path)).parent


def _parameters(section: ParametersSection | None) -> Mapping[str, Parameter]:
    if section is None:
        return DEFAULT_SPACE
    named: dict[str, Parameter] = {name: getattr(section, name) for name in section.model_fields_set}
    if "max_steps" in named:
        named["num_train_epochs"] = Constant(None)
    if set(PAIR) <= named.keys():
        named["effective_batch_size"] = Computed(read_expression("effective_batch_size", " * ".join(PAIR)))
    return {**DEFAULT_CONSTANTS, **named}
