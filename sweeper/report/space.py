"""A space as `sweep check` shows it."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

from sweeper.report.text import parameter
from sweeper.scoring.space_suites import SpaceSuites
from sweeper.scoring.steering import can_be_checked, steering_objective
from sweeper.scoring.suite import Suite
from sweeper.space.data_settings import RowFile, RowSource
from sweeper.space.objective import AUTO
from sweeper.space.parameters import Choice, Computed, Conditional, Constant, Parameter
from sweeper.space.rules import LEFT_TO_MEMORY
from sweeper.space.space import Space


def space_table(space: Space, rows: int, suites: SpaceSuites) -> Table:
    """What will be done with what."""
    table = Table(title=space.name, box=box.SIMPLE_HEAD, show_header=False, title_justify="left")
    table.add_column()
    table.add_column()
    table.add_row("base", space.base)
    table.add_row("train", f"{_source(space.data.train)}, {rows} rows")
    for use, suite in suites.by_use():
        what = f"{len(suite.cases)} cases" if suite.harness is None else "lm-eval"
        table.add_row(use, f"{suite.name}, {what}")
    table.add_row("search", f"{space.search.trials} trials by {space.search.sampler}")
    table.add_row("chosen by", _chosen_by(space, suites.dev))
    for name, value in space.parameters.items():
        if name == LEFT_TO_MEMORY and value == Constant(None):
            table.add_row(name, "auto: on where a trial does not fit without it")
        elif value != Constant(None):
            table.add_row(name, described(value))
    for constraint in space.constraints:
        table.add_row("constraint", constraint.text)
    for entry in space.baseline:
        table.add_row(
            "tried first", ", ".join(f"{name} {_bracketed(value)}" for name, value in entry.items())
        )
    return table


def _chosen_by(space: Space, dev: Sequence[Suite]) -> str:
    objective = steering_objective(space.search.objective, dev, space.path)
    if space.search.objective != AUTO:
        return str(objective)
    if can_be_checked(dev[0]):
        return f"{objective} (auto: its answers can be checked)"
    return f"{objective} (auto: the answers of {dev[0].name} are free text)"


def _source(source: RowSource) -> str:
    return source.path.name if isinstance(source, RowFile) else str(source)


def described(value: Parameter) -> str:
    """'8', 'one of 4, 8, 16', '0.0001 to 0.003, log scale'."""
    match value:
        case Constant(value=constant):
            return parameter(constant)
        case Choice(values=values):
            return "one of " + ", ".join(_bracketed(each) for each in values)
        case Computed(expression=expression):
            return f"= {expression.text}"
        case Conditional():
            otherwise = "none" if value.otherwise is None else _bracketed(value.otherwise)
            return f"{described(value.parameter)} when {value.when.text}, else {otherwise}"
    scale = ", log scale" if value.log else ""
    step = f" in steps of {parameter(value.step)}" if value.step is not None else ""
    return f"{parameter(value.low)} to {parameter(value.high)}{step}{scale}"


def _bracketed(value: object) -> str:
    return f"({parameter(value)})" if isinstance(value, tuple) and len(value) > 1 else parameter(value)
