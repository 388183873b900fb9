"""The tables at the end of a sweep, and of `sweep best`."""

import math

from rich import box
from rich.table import Table
from rich.text import Text

from sweeper.report.objective import objective_heading, objective_value
from sweeper.report.progress import SweepProgress, TrialProgress
from sweeper.report.text import duration, parameter, parameter_names, score, varying
from sweeper.report.ties import tied_trials


def end_table(progress: SweepProgress) -> Table:
    """The base model against the best trial. Raises ValueError before a trial is complete.

    The best of many tries looks better than it is, so its column says of how many it is the best.
    """
    best = progress.best
    if best is None or best.config is None:
        raise ValueError("no trial is complete yet")
    table = Table(title=progress.name, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    table.add_column("")
    table.add_column("base", justify="right")
    table.add_column(
        f"trial {best.number}, best of {progress.finished_count} tried", justify="right", style="bold"
    )
    cases = f", {progress.base.cases} cases" if progress.base.cases else ""
    table.add_row(f"score ({progress.suite or 'dev'}{cases})", score(progress.base.score), score(best.score))
    if named := objective_heading(progress):
        how = "" if named == progress.objective else f" ({progress.objective})"
        table.add_row(f"{named}{how}", "", objective_value(progress, best))
    if best.train_seconds is not None:
        table.add_row("training time", "", duration(best.train_seconds))
    for name in parameter_names():
        value = getattr(best.config, name)
        if value is not None:
            table.add_row(name, "", parameter(value))
    return table


def trials_table(progress: SweepProgress) -> Table:
    """All trials with the parameters in which they differ, those tied for the best first, the cheapest
    of them at the top. The best one is in bold."""
    tied = [trial.number for trial in tied_trials(progress)]
    trials = [progress.trials[number] for number in tied]
    trials += sorted((each for each in progress.trials.values() if each.number not in tied), key=_rank)
    names = varying(trial.config for trial in trials if trial.config is not None)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("trial", justify="right")
    table.add_column("state")
    table.add_column(f"score ({progress.suite or 'dev'})", justify="right")
    chosen_by = objective_heading(progress)
    if chosen_by is not None:
        table.add_column(heading(chosen_by), justify="right")
    for name in names:
        table.add_column(heading(name), justify="right")
    table.add_column("training", justify="right")
    for trial in trials:
        time = duration(trial.train_seconds) if trial.train_seconds is not None else ""
        table.add_row(
            str(trial.number),
            "tied" if trial.number in tied else trial.state,
            score(trial.score),
            *([] if chosen_by is None else [objective_value(progress, trial)]),
            *parameter_cells(trial, names),
            time,
            style="bold" if trial == progress.best else None,
        )
    return table


def reasons(progress: SweepProgress) -> Text:
    """A line for each trial that did not train to its end: why. Beside a table they would have no room."""
    trials = [progress.trials[number] for number in sorted(progress.trials)]
    lines = [f"  trial {trial.number} {trial.state}: {trial.reason}\n" for trial in trials if trial.reason]
    return Text("".join(lines), end="")


def heading(name: str) -> str:
    """A parameter's name, broken at its underscores: a table of many stays narrow."""
    return name.replace("_", "_\n")


def parameter_cells(trial: TrialProgress, names: list[str]) -> list[str]:
    """A trial's values of the named parameters; '-' where one does not apply."""
    values = [getattr(trial.config, name, None) for name in names]
    return ["-" if value is None else parameter(value) for value in values]


def _rank(trial: TrialProgress) -> tuple[float, int]:
    return (math.inf if trial.objective is None else -trial.objective, trial.number)
