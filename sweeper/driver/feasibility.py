"""Turns away what does not fit, and ends a sweep that proposes nothing else."""

import time
from collections.abc import Sequence
from dataclasses import replace

from sweeper.driver.books import Books
from sweeper.driver.planning import Planner
from sweeper.errors import InputError
from sweeper.events import TrialInfeasible, TrialOutOfMemory
from sweeper.memory.plan import Cohort, PlannedTrial
from sweeper.memory.plan_within import Infeasible
from sweeper.space.space import Space
from sweeper.standing import TrialStanding

MOST_IN_A_ROW = 30
"""Proposals that do not fit, one after another, after which this driver asks for no more."""

_GB = 10**9
_UNPREDICTABLE = "The memory of this model cannot be predicted, so no trial is held to limits.gpu_memory"


class Feasibility:
    """Judges each trial as it is asked, before another one is.

    `advice` is there when too many in a row did not fit: what can train still does, then the sweep ends
    with it. A grid is gone through in any case, for it ends by itself.
    """

    def __init__(self, space: Space, planner: Planner, books: Books) -> None:
        self.advice: InputError | None = None
        self._space, self._planner, self._books = space, planner, books
        self._in_a_row = 0
        for number, trial in books.standing.trials.items():
            if trial.end is None:  # a driver that was killed may have left it between two steps
                self.judge(number)

    def judge_asked(self, number: int) -> None:
        """Turns the trial away where it does not fit, and counts how many were in a row."""
        self.judge(number)
        trial = self._books.standing.trials[number]
        self._in_a_row = self._in_a_row + 1 if trial.is_turned_away else 0
        if self._in_a_row >= MOST_IN_A_ROW and self._space.search.sampler != "grid":
            self.advice = _advice(self._space, trial)

    def judge(self, number: int) -> None:
        """Ends an open trial that does not fit, or does not any more."""
        trial = self._books.standing.trials[number]
        if trial.end is None:
            could_predict = self._planner.refusal is None
            plan = self._planner.plan(trial, self._books.standing)
            if could_predict and self._planner.refusal is not None:
                self._books.view.say(f"{_UNPREDICTABLE} ({self._planner.refusal})")
            if isinstance(plan, Infeasible):
                self._books.record(_turned_away(trial, plan))

    def plan(self, number: int) -> PlannedTrial:
        """The plan of a trial that was judged."""
        plan = self._planner.plan(self._books.standing.trials[number], self._books.standing)
        assert isinstance(plan, PlannedTrial), "it was judged when it was asked"
        return plan

    def cohort_size(self, planned: Sequence[PlannedTrial], largest: int) -> int:
        """How many of `planned` may train side by side."""
        return self._planner.cohort_size(planned, largest, self._books.standing)

    def with_peak(self, cohort: Cohort) -> Cohort:
        """The cohort with what it is predicted to hold."""
        return replace(cohort, predicted_bytes=self._planner.cohort_bytes(cohort.trials))

    def ran_out(self, planned: PlannedTrial, reason: str) -> None:
        """The machine's own memory ran out with it. That says nothing of the prediction."""
        self._books.record(
            TrialOutOfMemory(
                planned.number,
                time.time(),
                planned.attempt,
                planned.micro_batch_size,
                reason,
                gradient_checkpointing=planned.is_checkpointed,
            )
        )
        self.judge(planned.number)


def _turned_away(trial: TrialStanding, plan: Infeasible) -> TrialInfeasible:
    excess = float(max(plan.predicted_bytes - plan.limit_bytes, 1))
    return TrialInfeasible(trial.number, time.time(), excess, _reason(trial, plan), plan.limit_bytes)


def _reason(trial: TrialStanding, plan: Infeasible) -> str:
    fixed = trial.config.per_device_train_batch_size
    size = f"a micro-batch of {fixed}, which is set" if fixed is not None else "a micro-batch of 1"
    if trial.config.gradient_checkpointing is None:
        size += " and gradient checkpointing"
    if trial.too_large_micro_batch() is not None:
        return f"it ran out of memory with {size}"
    needed, usable = plan.predicted_bytes / _GB, plan.limit_bytes / _GB
    return f"it needs {needed:.3g} GB with {size}, and may take {usable:.3g}"


def _advice(space: Space, trial: TrialStanding) -> InputError:
    assert isinstance(trial.end, TrialInfeasible)
    return InputError(
        f"{space.path}: limits.gpu_memory",
        f"{MOST_IN_A_ROW} proposals in a row do not fit; of trial {trial.number}, {trial.end.reason}",
        "Shorter rows (max_seq_length), a lower lora_rank or fewer target_modules need less; sweep check "
        "tells what of the space fits",
    )
