"""A space as `sweep check` shows it."""

from rich import box
from rich.table import Table

from sweeper.report.text import parameter
from sweeper.space.data_settings import RowFile, RowSource
from sweeper.space.parameters import Choice, Constant, Parameter
from sweeper.space.space import Space


def space_table(space: Space, rows: int, suites: list[tuple[str, int]]) -> Table:
    """What will be done with what. `suites` are names and numbers of cases, dev's first."""
    table = Table(title=space.name, box=box.SIMPLE_HEAD, show_header=False, title_justify="left")
    table.add_column()
    table.add_column()
    table.add_row("base", space.base)
    table.add_row("train", f"{_source(space.data.train)}, {rows} rows")
    for use, (name, cases) in zip(("dev", "test"), suites, strict=False):
        table.add_row(use, f"{name}, {cases} cases")
    table.add_row("search", f"{space.search.trials} trials by {space.search.sampler}")
    for name, value in space.parameters.items():
        if value != Constant(None):
            table.add_row(name, described(value))
    return table


def _source(source: RowSource) -> str:
    return source.path.name if isinstance(source, RowFile) else str(source)


def described(value: Parameter) -> str:
    """'8', 'one of 4, 8, 16', '0.0001 to 0.003, log scale'."""
    match value:
        case Constant(value=constant):
            return parameter(constant)
        case Choice(values=values):
            return "one of " + ", ".join(_bracketed(each) for each in values)
    scale = ", log scale" if value.log else ""
    return f"{parameter(value.low)} to {parameter(value.high)}{scale}"


def _bracketed(value: object) -> str:
    return f"({parameter(value)})" if isinstance(value, tuple) and len(value) > 1 else parameter(value)
