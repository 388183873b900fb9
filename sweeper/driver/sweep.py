"""The loop of a sweep: ask a wave, plan, train rung by rung, stop the weak, tell."""

import contextlib
import dataclasses
import functools
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing

from sweeper.driver.books import Books, View
from sweeper.driver.cohorts import cohorts
from sweeper.driver.feasibility import Feasibility
from sweeper.driver.guarding import Guarding
from sweeper.driver.interrupts import Interrupts
from sweeper.driver.predicting import planner_of
from sweeper.errors import SweepError, TrainingError, WorkerOutOfMemory
from sweeper.events import Event, TrialAsked, TrialFailed, TrialOutOfMemory, TrialPruned
from sweeper.home import Home
from sweeper.lock import held_lock
from sweeper.memory.fitness import refuse_unfit
from sweeper.memory.plan import Cohort, PlannedTrial
from sweeper.models.devices import Place, places_of, precision_of
from sweeper.models.reference import resolve_base
from sweeper.scoring.space_suites import SpaceSuites, space_suites
from sweeper.scoring.steering import steering_first, steering_objective
from sweeper.search.halving import Leg
from sweeper.search.rungs import RUNG_CASES, rung_step
from sweeper.search.study import Study
from sweeper.search.twins import lead_of
from sweeper.search.waves import Action, Ask, Mirror, Prune, Train, Waves, honest_word
from sweeper.space.space import Space
from sweeper.space.survey import extreme_values
from sweeper.tracking import Tracker
from sweeper.workers.crew import Broken, Crew, Hopeless, Idle, Told
from sweeper.workers.worker import Worker, WorkerFacts, WorkerSetup

ATTEMPTS = 2
"""A trial that breaks off as often as this is FAIL; a driver that was killed does not count."""

MakeWorker = Callable[[WorkerSetup], Worker]


def run_sweep(
    home: Home,
    space: Space,
    make_worker: MakeWorker,
    view: View,
    workers: int | None = None,
    suites: SpaceSuites | None = None,
) -> None:
    """Goes on with the sweep of `space` until `search.trials` have ended in total.

    It may be killed at any moment and called again, with any number of workers: `workers` of them on the
    first place that the space has, else one on each. `suites` are those of the space, where they are read
    already. Raises InputError for input that only shows with the model at hand, UnavailableError while
    another process runs this sweep, KeyboardInterrupt after Ctrl-C, when what was under way is saved.
    """
    where = places_of(space) if workers is None else places_of(space)[:1] * workers
    folder, suites = home.sweep(space.name), suites or space_suites(space)
    objective = steering_objective(space.search.objective, suites.dev, space.path)
    setup = WorkerSetup(
        base=resolve_base(space.base, space.path.parent),
        data=space.data,
        dev=steering_first(objective, suites.dev),
        seed=space.search.seed,
        sweep_folder=folder.path,
        answer_cache=home.answer_cache,
        token_cache=home.token_cache,
        precision=precision_of(space),
        cohort=space.workers.cohort,
        dequantised=home.dequantised,
        guard=suites.guard,
        eval_seq_length=max(int(str(value)) for value in extreme_values(space, "max_seq_length")),
        early_stopping=space.search.early_stopping,
        loss_cases=None if objective.loss_weight else RUNG_CASES,
    )
    with held_lock(folder.lock, f"sweep {space.name!r}"), Interrupts() as interrupts:
        study = Study(home, space, suites.dev)
        shutil.copyfile(space.path, folder.space)
        folder.space_path.write_text(str(space.path))
        books = Books(objective, folder, study, Tracker(home, folder, space), view)
        sweep = _Sweep(space, setup, books, interrupts)
        try:
            sweep.run([functools.partial(make_worker, each) for each in _setups(setup, where)])
        except KeyboardInterrupt:
            with contextlib.suppress(SweepError):  # what MLflow lacks, the next start writes
                books.tracker.finish(books.log, "KILLED", timeout_seconds=10)
            raise
        books.tracker.finish(books.log)
        if sweep.feasibility is not None and sweep.feasibility.advice is not None:
            raise sweep.feasibility.advice


def _setups(setup: WorkerSetup, where: Sequence[Place]) -> list[WorkerSetup]:
    """The same for each place but for its device and its threads."""
    return [
        dataclasses.replace(
            setup,
            precision=dataclasses.replace(setup.precision, device=place.device),
            threads=place.threads,
        )
        for place in where
    ]


class _Sweep:
    """One driver's run. What comes next is `Waves`' to say; here it is done."""

    def __init__(self, space: Space, setup: WorkerSetup, books: Books, interrupts: Interrupts) -> None:
        self.space, self.setup, self.books, self.interrupts = space, setup, books, interrupts
        self.suites = {suite.name for suite in setup.dev}
        self.guarding = Guarding(setup.dev[0].name, setup.guard, books)
        self.waves = Waves(space.search)
        self.feasibility: Feasibility | None = None
        """Known once a worker has loaded."""
        self.in_hand: set[Leg] = set()
        self.is_stopping = False

    def run(self, start_workers: Sequence[Callable[[], Worker]]) -> None:
        if self._next() is None and self.guarding.next() is None:
            return
        if self._next() is not None and (word := honest_word(self.space.search)):
            self.books.view.say(word)
        if not self._time_is_up():
            with closing(Crew(start_workers)) as crew:
                self.interrupts.on_first = crew.wake
                self.books.open()
                self._work_with(crew)
        if self._time_is_up() and not self.interrupts.asked:
            self._prune_what_is_open()
            self._guard_after_time(start_workers[0])
        if self.interrupts.asked:
            raise KeyboardInterrupt

    def _guard_after_time(self, start_worker: Callable[[], Worker]) -> None:
        """Who won is known only now. It is no search any more, so the time for that does not end it."""
        if self.guarding.next() is None:
            return
        self.is_stopping = True
        with closing(Crew([start_worker])) as crew:
            self.interrupts.on_first = crew.wake
            self._first_facts(crew)
            while not self.interrupts.asked and (crew.is_at_work() or self.guarding.hand_out(crew)):
                self._receive(crew)

    def _work_with(self, crew: Crew) -> None:
        """Until all is done, or all that was under way when it had to stop is saved."""
        facts = self._first_facts(crew)
        if facts is None:
            return
        refuse_unfit(self.space, facts.row_lengths, facts.prompt_lengths, facts.linear_layers)
        if not self.suites <= self.books.standing.base_suites:
            crew.score_base()
        planner = planner_of(self.space, self.setup, facts)
        self.feasibility = Feasibility(self.space, planner, self.books)
        while True:
            self._stop_where_due(crew)
            action = None if self.is_stopping else self._next()
            if isinstance(action, Train):
                self._hand_out(action.legs, crew, facts)
            elif action is not None:
                self._decide(action, facts)
                continue
            elif not crew.is_at_work() and (self.is_stopping or not self.guarding.hand_out(crew)):
                return
            self._receive(crew)

    def _next(self) -> Action | None:
        may_ask = self.feasibility is None or self.feasibility.advice is None
        return self.waves.next_action(self.books.standing, may_ask)

    def _first_facts(self, crew: Crew) -> WorkerFacts | None:
        """Waits for the first worker to load; None where it was told to stop before."""
        while not self.interrupts.asked:
            message = crew.wait()
            if isinstance(message, Idle):
                return message.facts
            if isinstance(message, Hopeless):
                raise message.error
        return None

    def _stop_where_due(self, crew: Crew) -> None:
        if self.is_stopping or not (self.interrupts.asked or self._time_is_up()):
            return
        self.is_stopping = True
        if self.interrupts.asked:
            self.books.view.say("Saving what is under way; Ctrl-C again stops at once.")
        crew.stop()

    def _decide(self, action: Ask | Prune | Mirror, facts: WorkerFacts) -> None:
        if isinstance(action, Ask):
            config = self.books.study.ask(action.number)
            lead = lead_of(self.books.standing, config, action.wave, max(facts.row_lengths))
            self.books.record(TrialAsked(action.number, time.time(), config, action.wave, lead))
            assert self.feasibility is not None, "trials are asked when a worker has loaded"
            self.feasibility.judge_asked(action.number)
        elif isinstance(action, Mirror):
            for copy in action.copies:
                self.books.copy_result(copy.number, copy.source)
                told = f"Trial {copy.number} would train as trial {copy.source} did, and has its result."
                self.books.view.say(told)
        else:
            for loser in action.losers:
                self._prune(loser.number, loser.reason)

    def _prune(self, number: int, reason: str) -> None:
        rung = max(self.books.standing.trials[number].rungs, default=None)
        self.books.record(TrialPruned(number, time.time(), rung, reason))

    def _hand_out(self, legs: tuple[Leg, ...], crew: Crew, facts: WorkerFacts) -> None:
        """Gives each idle worker legs that nobody has."""
        idle = crew.idle()
        waiting = [leg for leg in legs if leg not in self.in_hand] if idle else []
        trials = self.books.standing.trials
        broken = {leg.number for leg in waiting if trials[leg.number].failures}
        planned = [self._planned(leg, facts) for leg in waiting]
        assert self.feasibility is not None, "trials are planned when a worker has loaded"
        size = self.feasibility.cohort_size(planned, facts.cohort)
        for cohort in cohorts(planned, idle, dataclasses.replace(facts, cohort=size), broken)[:idle]:
            self.in_hand |= {Leg(trial.number, trial.rung or 0) for trial in cohort.trials}
            crew.train(self.feasibility.with_peak(cohort))

    def _planned(self, leg: Leg, facts: WorkerFacts) -> PlannedTrial:
        assert self.feasibility is not None, "trials are planned when a worker has loaded"
        trial, pruner = self.books.standing.trials[leg.number], self.space.search.pruner
        stop_step = None
        if leg.rung < pruner.last_rung:
            rows = sum(length < trial.config.max_seq_length for length in facts.prompt_lengths)
            stop_step = rung_step(trial.config, rows, pruner.rungs[leg.rung])
        return self.feasibility.plan(leg.number).until(leg.rung, stop_step)

    def _receive(self, crew: Crew) -> None:
        """Waits for one message and acts on it."""
        match crew.wait(self._seconds_left()):
            case Told(event=event, receipt=receipt):
                self.books.record(event)
                self._let_go(event)
                receipt.set()
            case Idle(cohort=Cohort() as cohort) if not self.is_stopping:
                self._broke_off(cohort, TrainingError("the worker came back without a result"))
            case Broken(cohort=cohort, error=error):
                self._broke_off(cohort, error)
            case Hopeless(error=error):
                raise error

    def _let_go(self, event: Event) -> None:
        """Takes legs out of hand that have come to their end, or whose memory ran out."""
        trial = self.books.standing.trials.get(event.trial)
        if trial is None:
            return
        is_given_back = trial.end is not None or isinstance(event, TrialOutOfMemory)
        self.in_hand -= {
            leg
            for leg in self.in_hand
            if leg.number == trial.number and (is_given_back or self._is_paused(leg))
        }
        if isinstance(event, TrialOutOfMemory) and self.feasibility is not None:
            self.feasibility.judge(trial.number)

    def _is_paused(self, leg: Leg) -> bool:
        reached = self.books.standing.trials[leg.number].rungs.get(leg.rung)
        is_last = leg.rung == self.space.search.pruner.last_rung
        return reached is not None and not is_last and not reached.is_end  # at its end it is still scored

    def _broke_off(self, cohort: Cohort | None, error: TrainingError) -> None:
        if cohort is None:
            if not self.suites <= self.books.standing.base_suites:
                raise error
            self.guarding.give_up(str(error))
            return
        for planned in cohort.trials:
            trial = self.books.standing.trials[planned.number]
            leg = Leg(planned.number, planned.rung or 0)
            if leg not in self.in_hand:
                continue  # it had paused or ended before the worker broke
            self.in_hand.discard(leg)
            if isinstance(error, WorkerOutOfMemory) and self.feasibility is not None:
                self.feasibility.ran_out(planned, str(error))
                continue
            is_final = trial.failures + 1 >= ATTEMPTS and len(cohort.trials) == 1
            self.books.record(TrialFailed(trial.number, time.time(), planned.attempt, str(error), is_final))

    def _seconds_left(self) -> float | None:
        if self.space.search.wall_seconds is None or self.is_stopping:
            return None
        return max(self.space.search.wall_seconds - self.books.worked_seconds(), 0.0)

    def _time_is_up(self) -> bool:
        limit = self.space.search.wall_seconds
        return limit is not None and self.books.worked_seconds() >= limit

    def _prune_what_is_open(self) -> None:
        for number, trial in self.books.standing.trials.items():
            if trial.end is None:
                self._prune(number, "search.wall_time is spent")
