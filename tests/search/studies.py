"""What a study holds, as tests ask for it."""

from optuna.distributions import BaseDistribution

from sweeper.search.distributions import distribution_of
from sweeper.search.study import Study, TrialSummary
from sweeper.space.parameters import Choice, Parameter, Range, inner
from sweeper.space.trial_config import TrialConfig


def running(study: Study) -> list[tuple[int, TrialConfig]]:
    """Trials that were asked and not told yet."""
    return [(trial.number, trial.config) for trial in study.trials() if trial.state == "running"]


def finished_count(study: Study) -> int:
    return sum(trial.state != "running" for trial in study.trials())


def best_of(study: Study) -> TrialSummary | None:
    complete = [trial for trial in study.trials() if trial.value is not None]
    return max(complete, key=lambda trial: (trial.value, -trial.number), default=None)


def distributions_of(parameters: dict[str, Parameter]) -> dict[str, BaseDistribution]:
    """What Optuna alone would sample, by name."""
    return {
        name: distribution_of(drawn)
        for name, parameter in sorted(parameters.items())
        if isinstance(drawn := inner(parameter), (Choice, Range))
    }
