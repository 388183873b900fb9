"""The trials of a sweep as a pandas frame, one row a trial."""

import dataclasses
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from sweeper.report.progress import SweepProgress
from sweeper.report.table import heading
from sweeper.report.text import parameter

if TYPE_CHECKING:
    import pandas as pd


def trial_frame(progress: SweepProgress) -> "pd.DataFrame":
    """Columns: trial, state, objective (what trials are chosen by, higher is better), score, loss and
    eval_loss (the last ones), rung and target_loss (of the last rung), examples, train_seconds, every
    parameter, attempts, adapter, reason. Numbers stay numbers; what is not known is missing."""
    import pandas as pd

    rows = []
    for number in sorted(progress.trials):
        trial = progress.trials[number]
        config = dataclasses.asdict(trial.config) if trial.config else {}
        config = {
            key: ", ".join(value) if isinstance(value, tuple) else value for key, value in config.items()
        }
        rows.append(
            {
                "trial": number,
                "state": trial.state,
                "objective": trial.objective,
                "score": trial.score,
                "loss": trial.loss,
                "eval_loss": trial.eval_loss,
                "rung": trial.rung,
                "target_loss": trial.target_loss,
                "examples": trial.examples,
                "train_seconds": trial.train_seconds,
                **config,
                "attempts": trial.attempt,
                "adapter": trial.adapter,
                "reason": trial.reason,
            }
        )
    return pd.DataFrame(rows)


def frame_table(frame: "pd.DataFrame") -> Table:
    """The frame for a terminal: without columns that are empty or the same in every row."""
    kept = [
        column
        for column in frame.columns
        if column in ("trial", "state", "score") or frame[column].nunique(dropna=False) > 1
    ]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in kept:
        table.add_column(heading(str(column)), justify="left" if column in ("state", "reason") else "right")
    for record in frame[kept].to_dict("records"):
        table.add_row(*("-" if _is_missing(value) else parameter(value) for value in record.values()))
    return table


def _is_missing(value: object) -> bool:
    return value is None or value != value
