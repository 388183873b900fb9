"""What a driver keeps of its sweep: the log, and all that is written from it. The only writer."""

import dataclasses
import time
from collections.abc import Sequence
from typing import Protocol

from sweeper.event_log import EventLog
from sweeper.events import (
    BASE_TRIAL,
    DriverStarted,
    Event,
    SuiteScored,
    TrialCompleted,
    TrialDiverged,
    TrialFailed,
    TrialInfeasible,
    TrialPruned,
)
from sweeper.home import SweepFolder
from sweeper.search.objective import objective_of
from sweeper.search.study import Study
from sweeper.space.objective import Objective
from sweeper.standing import Standing, TrialStanding, standing_of
from sweeper.tracking import Tracker


class View(Protocol):
    """Whoever watches the sweep."""

    def resume(self, events: Sequence[Event]) -> None:
        """Called once, with the events of earlier starts."""

    def apply(self, event: Event) -> None:
        """Called with each event, after it is on disk."""

    def say(self, line: str) -> None:
        """Called with a line to stay."""


class Books:
    """Log, standing, Optuna, MLflow and view, brought to where the log is when this is made.

    Optuna is told at the end of each wave, in trial order, so that what it proposes next depends on
    finished waves and on nothing else, but for what was turned away as it was asked.
    """

    def __init__(
        self, objective: Objective, folder: SweepFolder, study: Study, tracker: Tracker, view: View
    ) -> None:
        self.objective = objective
        self.folder, self.study, self.tracker, self.view = folder, study, tracker, view
        self.log = EventLog(folder.events)
        self.log.open()
        past = [event for _, event in self.log.read()]
        view.resume(past)
        self.standing: Standing = standing_of(past)
        self._waves_told = 0
        for number, trial in self.standing.trials.items():
            if trial.end is not None:
                self._forget_checkpoint(number)
        self._tell_ended()

    def open(self) -> None:
        """Writes down that a driver works from now on."""
        self.record(DriverStarted(BASE_TRIAL, time.time(), str(self.objective)))

    def worked_seconds(self) -> float:
        """For how long drivers worked on this sweep, this one and those before."""
        since = self.standing.driver_since
        return self.standing.worked_seconds + (time.time() - since if since is not None else 0.0)

    def record(self, event: Event) -> None:
        """On disk first; everything else can be made from there."""
        if isinstance(event, TrialCompleted):
            trial = self.standing.trials[event.trial]
            event = dataclasses.replace(event, objective=objective_of(self.objective, trial))
        self.log.append(event)
        self.standing.apply(event)
        if event.trial in self.standing.trials and self.standing.trials[event.trial].end is event:
            self._forget_checkpoint(event.trial)
            self._tell_ended()
        self.tracker.catch_up(self.log)
        self.view.apply(event)

    def copy_result(self, number: int, source: int) -> None:
        """Ends trial `number` as `source` ended: its rungs, its scores, then its end.

        What an earlier driver copied, before it was cut short, is not copied again.
        """
        trial, known = self.standing.trials[number], self.standing.trials[source]
        scored = {
            event.suite: event
            for _, event in self.log.read()
            if isinstance(event, SuiteScored) and event.trial == source
        }
        parts: list[Event] = [known.rungs[rung] for rung in sorted(known.rungs) if rung not in trial.rungs]
        parts += [event for suite, event in scored.items() if suite not in trial.scores]
        assert known.end is not None, "only what has ended is copied"
        end: Event = known.end
        if isinstance(end, TrialCompleted):
            end = dataclasses.replace(end, train_seconds=0.0)
        for event in (*parts, end):
            self.record(dataclasses.replace(event, trial=number, time=time.time()))

    def _forget_checkpoint(self, number: int) -> None:
        """An ended trial trains no more, and its optimizer's state is the largest thing it left."""
        checkpoint = self.folder.checkpoint(number)
        checkpoint.unlink(missing_ok=True)
        checkpoint.with_name(checkpoint.name + ".writing").unlink(missing_ok=True)

    def _tell_ended(self) -> None:
        """Trials that were turned away at once, since that hangs on no timing; all others by waves."""
        for trial in self.standing.wave(self.standing.last_wave()):
            if trial.is_turned_away:
                self._tell(trial)
        while (wave := self.standing.wave(self._waves_told)) and self.standing.is_closed(self._waves_told):
            for trial in sorted(wave, key=lambda trial: trial.number):
                self._tell(trial)
            self._waves_told += 1

    def _tell(self, trial: TrialStanding) -> None:
        values = {rung: reached.value for rung, reached in trial.rungs.items()}
        match trial.end:
            case TrialCompleted(adapter=adapter):
                objective = objective_of(self.objective, trial)
                self.study.tell_completed(trial.number, objective, values, adapter)
            case TrialPruned(reason=reason):
                self.study.tell_pruned(trial.number, reason, values)
            case TrialDiverged(reason=reason):
                self.study.tell_pruned(trial.number, reason)
            case TrialInfeasible(reason=reason) as end:
                self.study.tell_infeasible(trial.number, reason, end.constraint)
            case TrialFailed(reason=reason):
                self.study.tell_failed(trial.number, reason)
