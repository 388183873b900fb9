"""What trials are chosen by, as tables and lines show it."""

from sweeper.report.progress import SweepProgress, TrialProgress
from sweeper.report.text import score
from sweeper.space.objective import LOSS_NAME


def objective_heading(progress: SweepProgress) -> str | None:
    """The column beside the score's; None where the score is all that counts."""
    if progress.is_by_score:
        return None
    return LOSS_NAME if progress.objective == LOSS_NAME else "objective"


def objective_value(progress: SweepProgress, trial: TrialProgress) -> str:
    """The number that the trial is chosen by, a loss as it is and not negated; '-' before there is one."""
    if progress.is_by_score:
        return score(trial.score if trial.objective is None else trial.objective)
    return score(trial.target_loss if progress.objective == LOSS_NAME else trial.objective)


def objective_text(progress: SweepProgress, trial: TrialProgress) -> str:
    """'0.750', 'target_loss 0.412', 'objective 0.640'."""
    heading = objective_heading(progress)
    value = objective_value(progress, trial)
    return value if heading is None else f"{heading} {value}"
