"""The loop of a sweep: ask, plan, train, tell. The only writer of the log, of Optuna and of MLflow."""

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Protocol

from sweeper.errors import TrainingError
from sweeper.event_log import EventLog
from sweeper.events import Event, TrialAsked, TrialCompleted, TrialDiverged, TrialFailed
from sweeper.home import Home
from sweeper.lock import held_lock
from sweeper.memory.fitness import refuse_unfit
from sweeper.memory.plan import Cohort, plan_trial
from sweeper.models.reference import resolve_base
from sweeper.scoring.load_suite import load_suite
from sweeper.search.study import Study
from sweeper.space.space import Space
from sweeper.space.trial_config import TrialConfig
from sweeper.standing import Standing, standing_of
from sweeper.tracking import Tracker
from sweeper.workers.worker import Worker, WorkerFacts, WorkerSetup

ATTEMPTS = 2
"""A trial that breaks off as often as this is FAIL; a driver that was killed does not count."""


class View(Protocol):
    """Whoever watches the sweep."""

    def resume(self, events: Sequence[Event]) -> None:
        """Called once, with the events of earlier starts."""

    def apply(self, event: Event) -> None:
        """Called with each event, after it is on disk."""


def run_sweep(home: Home, space: Space, make_worker: Callable[[WorkerSetup], Worker], view: View) -> None:
    """Goes on with the sweep of `space` until `search.trials` have ended in total.

    Raises InputError for input that only shows with the model at hand, UnavailableError while
    another process runs this sweep. It may be killed at any moment and called again.
    """
    folder = home.sweep(space.name)
    setup = WorkerSetup(
        base=resolve_base(space.base, space.path.parent),
        train=space.train,
        dev=load_suite(space.dev),
        seed=space.search.seed,
        sweep_folder=folder.path,
    )
    with held_lock(folder.lock, f"sweep {space.name!r}"):
        study = Study(home, space)
        shutil.copyfile(space.path, folder.space)
        folder.space_path.write_text(str(space.path))
        log = EventLog(folder.events)
        log.open()
        sweep = _Sweep(space, study, Tracker(home, folder, space), log, view)
        try:
            if sweep.unfinished():
                sweep.train_all(lambda: make_worker(setup))
        except KeyboardInterrupt:
            sweep.tracker.finish(log, "KILLED", timeout_seconds=10)
            raise
        sweep.tracker.finish(log)


class _Sweep:
    """One driver's run: the parties that an event has to reach, and where the sweep stands."""

    def __init__(self, space: Space, study: Study, tracker: Tracker, log: EventLog, view: View) -> None:
        self.space, self.study, self.tracker, self.log, self.view = space, study, tracker, log, view
        self.standing: Standing = standing_of(self._replayed())
        for number in self.standing.ends:
            self._tell(number)
        for number, config in study.running():
            if number not in self.standing.asked:  # killed between asking and writing it down
                self.record(TrialAsked(number, time.time(), config))

    def _replayed(self) -> list[Event]:
        events = [event for _, event in self.log.read()]
        self.view.resume(events)
        return events

    def unfinished(self) -> bool:
        return self.study.finished_count() < self.space.search.trials

    def record(self, event: Event) -> None:
        """On disk first; everything else can be made from there."""
        self.log.append(event)
        self.standing.apply(event)
        self._tell(event.trial)
        self.tracker.catch_up(self.log)
        self.view.apply(event)

    def _tell(self, number: int) -> None:
        match self.standing.ends.get(number):
            case TrialCompleted(objective=value, adapter=adapter):
                self.study.tell_completed(number, value, adapter)
            case TrialDiverged(reason=reason):
                self.study.tell_pruned(number, reason)
            case TrialFailed(reason=reason):
                self.study.tell_failed(number, reason)

    def train_all(self, start_worker: Callable[[], Worker]) -> None:
        """Trains what is left, by a fresh worker after each one that broke off."""
        while self.unfinished():
            with closing(start_worker()) as worker:
                facts = worker.facts()
                refuse_unfit(self.space, facts.row_lengths, facts.prompt_lengths, facts.linear_layers)
                if not self.standing.base_scored:
                    worker.score_base(self.record)
                while self.unfinished() and self._train_next(worker, facts):
                    pass

    def _train_next(self, worker: Worker, facts: WorkerFacts) -> bool:
        """One trial, and whether the worker can go on afterwards."""
        number, config = self._next_trial()
        attempt = self.standing.attempts.get(number, 0) + 1
        cohort = Cohort((plan_trial(number, attempt, config, facts.row_lengths),))
        try:
            worker.train(cohort, self.record)
        except TrainingError as error:
            final = self.standing.failures.get(number, 0) + 1 >= ATTEMPTS
            self.record(TrialFailed(number, time.time(), attempt, str(error), final))
            return False
        return True

    def _next_trial(self) -> tuple[int, TrialConfig]:
        for number, config in self.study.running():
            return number, config
        number, config = self.study.ask()
        self.record(TrialAsked(number, time.time(), config))
        return number, config
