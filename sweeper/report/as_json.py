"""A sweep's result for programs. The keys are a promise: add some, rename none."""

import dataclasses
from pathlib import Path
from typing import Any

from sweeper.report.progress import SweepProgress, TrialProgress


def as_json(progress: SweepProgress, folder: Path) -> dict[str, Any]:
    """Plain values for json.dumps. `folder` is the sweep's, which adapters are relative to.

    name: str; suite: str | None; base_score: float | None; best: a trial | None; trials: by number.
    A trial: trial: int; state: str; score: float | None; parameters: dict; adapter: str | None;
    reason: str | None; rung: int | None, the last one reached, from 0; target_loss: float | None, there.
    `best.score` is the best of all `trials` on the suite they were chosen by.
    """
    return {
        "name": progress.name,
        "suite": progress.suite,
        "base_score": progress.base.score,
        "best": _trial(progress.best, folder) if progress.best else None,
        "trials": [_trial(progress.trials[number], folder) for number in sorted(progress.trials)],
    }


def _trial(trial: TrialProgress, folder: Path) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "state": trial.state,
        "score": trial.score,
        "parameters": dataclasses.asdict(trial.config) if trial.config else {},
        "adapter": str(folder / trial.adapter) if trial.adapter else None,
        "reason": trial.reason,
        "rung": trial.rung,
        "target_loss": trial.target_loss,
    }
