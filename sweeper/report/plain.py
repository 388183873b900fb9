"""The sparse lines of a sweep whose output is a file or a CI log."""

from sweeper.events import (
    BASE_TRIAL,
    Event,
    RungReached,
    StepTrained,
    SuiteScored,
    TrialAsked,
    TrialCompleted,
    TrialDiverged,
    TrialFailed,
    TrialInfeasible,
    TrialOutOfMemory,
    TrialPruned,
    TrialStarted,
)
from sweeper.report.objective import objective_text
from sweeper.report.progress import SweepProgress
from sweeper.report.text import duration, parameters, score
from sweeper.report.time_left import time_left
from sweeper.report.work import work_parts

_MARKS = 4
"""Training is told of at each quarter."""


def line_for(
    event: Event, before: SweepProgress, after: SweepProgress, searched: list[str], is_due: bool
) -> str | None:
    """The line that an event is worth, or None. `is_due` asks for one though no mark was passed."""
    if isinstance(event, StepTrained):
        return _step(event, before, after, is_due)
    if isinstance(event, SuiteScored):
        is_base = event.trial == BASE_TRIAL
        return (
            f"base: {score(event.score)} on {event.suite} ({len(event.answers)} cases)" if is_base else None
        )
    if isinstance(event, TrialStarted):
        config = after.trials[event.trial].config
        told = f": {parameters(config, searched)}" if config and searched else ""
        again = f", attempt {event.attempt}" if event.attempt > 1 else ""
        if event.resumed_step:
            share = 100 * event.resumed_step // max(event.total_steps, 1)
            return f"{_trial(event, after)} goes on at {share} %{again}"
        return f"{_trial(event, after)} starts{again}{told}"
    if isinstance(event, RungReached):
        share = 100 * event.examples // max(after.trials[event.trial].total_examples, 1)
        return f"{_trial(event, after)} is at {share} %: target_loss {event.value:.3f}"
    return _end(event, after)


def work_line_for(
    event: Event, before: SweepProgress, after: SweepProgress, last_wave: int, is_due: bool
) -> str | None:
    """What all trials do together, or None: where `is_due`, where a wave follows `last_wave`, at the end."""
    is_new_wave = isinstance(event, TrialAsked) and event.wave > last_wave
    is_end = after.is_over and not before.is_over
    parts = work_parts(after.work) if is_due or is_new_wave or is_end else []
    return f"all trials: {', '.join(parts)}" if parts else None


def _step(event: StepTrained, before: SweepProgress, after: SweepProgress, is_due: bool) -> str | None:
    trial, earlier = after.trials[event.trial], before.trials.get(event.trial)
    total = max(trial.total_examples, 1)
    mark = _MARKS * trial.examples // total
    is_passed = mark < _MARKS and mark > _MARKS * (earlier.examples if earlier else 0) // total
    if not (is_passed or is_due):
        return None
    left = time_left(after, event.time).sweep
    told = f", {duration(left)} left" if left is not None else ""
    return f"{_trial(event, after)}: {100 * trial.examples // total} %, loss {event.loss:.3f}{told}"


def _end(event: Event, after: SweepProgress) -> str | None:
    if isinstance(event, TrialCompleted):
        best = after.best
        is_best = best is not None and best.number == event.trial
        standing = ", best so far"
        if best is not None and not is_best:
            standing += f" {objective_text(after, best)}"
        came_to = objective_text(after, after.trials[event.trial])
        early = f" (stopped early by {event.stopped_early})" if event.stopped_early else ""
        return f"{_trial(event, after)} complete: {came_to}{standing}{early}"
    if isinstance(event, TrialDiverged):
        return f"{_trial(event, after)} diverged: {event.reason}"
    if isinstance(event, TrialPruned):
        return f"{_trial(event, after)} pruned: {event.reason}"
    if isinstance(event, TrialInfeasible):
        return f"{_trial(event, after)} infeasible: {event.reason}"
    if isinstance(event, TrialOutOfMemory):
        size = event.micro_batch_size
        return f"{_trial(event, after)} ran out of memory with a micro-batch of {size}: {event.reason}"
    if isinstance(event, TrialFailed):
        told = "failed" if event.final else "broke off and will be tried again"
        return f"{_trial(event, after)} {told}: {event.reason}"
    return None


def _trial(event: Event, after: SweepProgress) -> str:
    of_all = f" ({after.finished_count} of {after.total_trials} finished)" if after.total_trials else ""
    return f"trial {event.trial}{of_all}"
