"""How long a sweep will still take, by what it took so far."""

from dataclasses import dataclass

from sweeper.report.progress import SweepProgress, TrialProgress


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """Seconds from now on; None before there is anything to go by. `trial` is for those under way."""

    trial: float | None
    sweep: float | None


def time_left(progress: SweepProgress, now: float) -> TimeLeft:
    """Estimates for trials that run one after another; `now` in seconds since the epoch.

    A trial's speed is its own once it has made two steps, until then that of all trials so far. A
    trial not yet started counts with the mean number of examples of those started; where weak trials
    are stopped, all together count with what the pruner lets through on average. Loading a model and
    writing files is not counted.
    """
    seconds_per_example = _seconds_per_example(list(progress.trials.values()))
    if seconds_per_example is None:
        return TimeLeft(None, None)
    scoring = _mean(progress.scoring_seconds)
    under_way = [
        _trial_left(trial, progress.rungs, seconds_per_example, scoring, now)
        for trial in progress.trials.values()
        if trial.state in ("training", "scoring")
    ]
    trial_left = max(under_way, default=None)
    if progress.total_trials is None:
        return TimeLeft(trial_left, None)
    to_come = max(progress.total_trials - progress.finished_count - len(under_way), 0)
    typical = _mean([trial.total_examples for trial in progress.trials.values() if trial.total_examples])
    if progress.expected_share < 1:
        trained = sum(trial.examples for trial in progress.trials.values())
        examples = max(progress.expected_share * progress.total_trials * typical - trained, 0.0)
        scorings = progress.expected_share * to_come * scoring
        left = 0.0 if progress.finished_count >= progress.total_trials else examples * seconds_per_example
        return TimeLeft(trial_left, max(sum(under_way), left + scorings))
    return TimeLeft(trial_left, sum(under_way) + to_come * (typical * seconds_per_example + scoring))


def _trial_left(
    trial: TrialProgress, rungs: tuple[float, ...], seconds_per_example: float, scoring: float, now: float
) -> float:
    """Until it pauses at its next rung, or until it is scored at its end."""
    if trial.state == "scoring":
        return _scoring_left(trial, scoring, now)
    rung = 0 if trial.rung is None else min(trial.rung + 1, len(rungs) - 1)
    own = _seconds_per_example([trial])
    examples = rungs[rung] * trial.total_examples - trial.examples
    left = examples * (seconds_per_example if own is None else own)
    since_last_step = now - trial.last_step.time if trial.last_step else 0.0
    return max(left - since_last_step, 0.0) + (scoring if rung == len(rungs) - 1 else 0.0)


def _scoring_left(trial: TrialProgress, scoring: float, now: float) -> float:
    """By the cases answered so far, else by what earlier scorings took."""
    elapsed = now - trial.scoring_since if trial.scoring_since is not None else 0.0
    if trial.cases_answered and elapsed > 0:
        return elapsed * (trial.cases - trial.cases_answered) / trial.cases_answered
    return max(scoring - elapsed, 0.0)


def _seconds_per_example(trials: list[TrialProgress]) -> float | None:
    """From the first step's end to the last one's, over all trials that have made two steps."""
    spans = [(trial.first_step, trial.last_step) for trial in trials]
    examples = sum(last.examples - first.examples for first, last in spans if first and last)
    seconds = sum(last.time - first.time for first, last in spans if first and last)
    return seconds / examples if examples > 0 else None


def _mean(values: list[int] | tuple[float, ...]) -> float:
    return sum(values) / len(values) if values else 0.0
