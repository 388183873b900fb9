"""Finds the trial that a command is about: the best, or the one that the user names."""

from pathlib import Path

from sweeper.errors import InputError
from sweeper.home import SweepFolder
from sweeper.report.progress import SweepProgress, TrialProgress


def trial_asked(progress: SweepProgress, number: int | None) -> TrialProgress:
    """Trial `number`, or the best. Raises InputError for one that has no adapter."""
    complete = sorted(trial.number for trial in progress.trials.values() if trial.adapter)
    if not complete:
        raise InputError(
            f"sweep {progress.name!r}", "no trial is complete yet", "Let `sweep start` finish one first"
        )
    if number is None:
        assert progress.best is not None, "a complete trial has a score"
        return progress.best
    if number in complete:
        return progress.trials[number]
    trial = progress.trials.get(number)
    problem = f"is {trial.state}, must be complete" if trial else f"there is no trial {number}"
    raise InputError(f"--trial {number}", problem, f"Complete ones: {', '.join(map(str, complete))}")


def adapter_folder(folder: SweepFolder, trial: TrialProgress) -> Path:
    """The PEFT folder of a complete trial."""
    assert trial.adapter is not None, "a complete trial has one"
    return folder.path / trial.adapter
