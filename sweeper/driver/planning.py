"""Which micro-batch a trial gets, or that it does not fit: decided in the driver, from the log alone.

So it is the same for any number of workers and over a resume. What earlier waves measured counts,
what the present one does not, for that hangs on who is faster; but for what the trial itself ran into.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sweeper.events import TrialOutOfMemory
from sweeper.memory.correction import correction
from sweeper.memory.plan import PlannedTrial, plan_trial
from sweeper.memory.plan_within import Fits, Infeasible, Limit, divisors, plan_within
from sweeper.space.trial_config import TrialConfig
from sweeper.standing import Standing, TrialStanding

PredictTrial = Callable[[TrialConfig, int], int]
"""Predicted peak bytes of a trial that trains with a micro-batch of so many rows."""

PredictCohort = Callable[[Sequence[PlannedTrial], int], int]
"""Predicted peak bytes of so many of these trials at once on one base, whichever they are."""


class Planner:
    """Plans trials within `limit`. Without one nothing is predicted, and all are taken to fit."""

    def __init__(
        self,
        row_lengths: tuple[int, ...],
        limit: Limit | None = None,
        predict: PredictTrial | None = None,
        predict_cohort: PredictCohort | None = None,
    ) -> None:
        self.limit = limit if predict is not None else None
        self._predict_cohort = predict_cohort
        self._row_lengths = row_lengths
        self._predict = predict
        self._known: dict[tuple[TrialConfig, int], int] = {}
        self.refusal: str | None = None
        """Why nothing is predicted any more."""

    def plan(self, trial: TrialStanding, standing: Standing) -> PlannedTrial | Infeasible:
        """The trial with the largest micro-batch that fits and that it has not run out of memory with.

        Where gradient checkpointing is left to the plan, it is on only if no micro-batch fits without.
        Not covered: which rung the trial trains to.
        """
        config, bound = trial.config, trial.too_large_micro_batch()
        if config.gradient_checkpointing is not None:
            return self._plan(trial, config, bound, standing)
        plain = self._plan(trial, replace(config, gradient_checkpointing=False), bound, standing)
        if isinstance(plain, PlannedTrial):
            return plain
        bound = trial.too_large_micro_batch(checkpointed=True)
        return self._plan(trial, replace(config, gradient_checkpointing=True), bound, standing)

    def _plan(
        self, trial: TrialStanding, config: TrialConfig, bound: int | None, standing: Standing
    ) -> PlannedTrial | Infeasible:
        planned = plan_trial(trial.number, trial.next_attempt, config, self._row_lengths)
        if bound is not None:
            smaller = [size for size in divisors(config.effective_batch_size) if 2 * size <= bound]
            if not smaller or config.per_device_train_batch_size is not None:
                return self._run_out(trial)
            planned = replace(planned, micro_batch_size=min(planned.micro_batch_size, smaller[-1]))
        if self.limit is None:
            return planned
        try:
            return self._within(self.limit, planned, self._correction(standing, trial.wave))
        except (LookupError, RuntimeError) as error:  # an architecture that cannot be replayed
            self.limit, self.refusal = None, f"{type(error).__name__}: {error}".splitlines()[0]
            return planned

    def cohort_size(self, planned: Sequence[PlannedTrial], largest: int, standing: Standing) -> int:
        """How many of `planned` may train side by side, up to `largest`.

        As many as fit if each held a base of its own; halves of `largest` above that where they are
        predicted to fit on the one that they share. Who trains beside whom changes no result, so what
        the present wave has measured may count.
        """
        peaks = [trial.predicted_bytes for trial in planned if trial.predicted_bytes is not None]
        if self.limit is None or not peaks:
            return largest
        apart = max(min(largest, self.limit.usable_bytes // max(peaks)), 1)
        now = 1 + max(trial.wave for trial in standing.trials.values())
        factor = self._correction(standing, now, of_cohorts=True)
        size = min(largest, len(planned))
        while size > apart and (peak := self._together(planned, size)) is not None:
            if factor * peak <= self.limit.usable_bytes:
                return size
            size //= 2
        return apart

    def cohort_bytes(self, planned: Sequence[PlannedTrial]) -> int | None:
        """The peak of `planned` side by side; None where nothing is predicted, or it is one trial alone."""
        is_predicted = self.limit is not None and len(planned) > 1
        return self._together(planned, len(planned)) if is_predicted else None

    def _together(self, planned: Sequence[PlannedTrial], count: int) -> int | None:
        """The peak of `count` of them at once; None where it cannot be predicted."""
        if self._predict_cohort is None:
            return None
        try:
            return self._predict_cohort(planned, count)
        except (LookupError, RuntimeError):  # alone they could be replayed: nothing more is known
            return None

    def _within(self, limit: Limit, planned: PlannedTrial, factor: float) -> PlannedTrial | Infeasible:
        config = planned.config
        plan = plan_within(
            limit,
            config.effective_batch_size,
            lambda rows: int(factor * self._predicted(config, rows)),
            largest=planned.micro_batch_size,
            per_device_train_batch_size=config.per_device_train_batch_size,
        )
        if isinstance(plan, Fits):
            return replace(
                planned, micro_batch_size=plan.micro_batch_size, predicted_bytes=plan.predicted_bytes
            )
        return plan

    def _run_out(self, trial: TrialStanding) -> Infeasible:
        """What is known of a trial that ran out of memory with its smallest micro-batch."""
        limit = self.limit.gpu_memory_bytes if self.limit else 0
        alone = (each for each in trial.memory if isinstance(each, TrialOutOfMemory) or each.cohort == 1)
        held = max((event.measured_bytes or 0 for event in alone), default=0)
        return Infeasible(max(held, limit + 1), limit)

    def _correction(self, standing: Standing, wave: int, of_cohorts: bool = False) -> float:
        assert self.limit is not None
        earlier = (each for each in standing.trials.values() if each.wave < wave)
        events = (event for each in earlier for event in each.memory)
        return correction(events, self.limit.gpu_memory_bytes, of_cohorts)

    def _predicted(self, config: TrialConfig, rows: int) -> int:
        assert self._predict is not None
        key = config, rows
        if key not in self._known:
            self._known[key] = self._predict(config, rows)
        return self._known[key]
