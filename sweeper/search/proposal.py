"""What trial comes next: the baseline first, then the grid or what a sampler draws, within constraints."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial, TrialState

from sweeper.errors import InputError
from sweeper.search.distributions import Stored, distribution_of, stored_of
from sweeper.search.sampler import make_sampler, proposal_seed
from sweeper.space.draw import Drawn, draw, stepped
from sweeper.space.grid import grid_order
from sweeper.space.parameters import Choice, Conditional, Range, Scalar, inner
from sweeper.space.resolve import Fault, in_order, resolve
from sweeper.space.space import Space
from sweeper.space.survey import survey

_SAMPLER_ATTEMPTS = 50
_RANDOM_ATTEMPTS = 5000
"""The sampler may insist on a place that a constraint forbids; then trials are drawn evenly."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is drawn for one trial, as Optuna stores it; what does not apply is not there."""

    params: Mapping[str, Stored]
    distributions: Mapping[str, BaseDistribution]


class Proposer:
    """Proposes trials of one space. The same trials before, and the same number, give the same proposal."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._order = in_order(space.parameters)
        self._has_conditions = any(isinstance(each, Conditional) for each in space.parameters.values())
        self._known = _KnownTrials()

    def propose(self, known: Sequence[FrozenTrial], number: int) -> Proposal:
        """Trial `number`, after the `known` ones. Raises InputError where no allowed trial is found."""
        if self._space.search.sampler == "grid":
            return self._proposal(self._grid[number % len(self._grid)])
        fixed = self._space.baseline[number] if number < len(self._space.baseline) else {}
        for attempt in range(_SAMPLER_ATTEMPTS):
            drawn, fault = self._sampled(known, number, attempt, fixed)
            if fault is None and fixed.keys() <= drawn.keys():
                return self._proposal(drawn)
        return self._proposal(self._drawn_evenly(number, fixed))

    @cached_property
    def _grid(self) -> list[Drawn]:
        space = self._space
        return grid_order(space.parameters, space.constraints, space.baseline, space.search.seed)

    def _sampled(
        self, known: Sequence[FrozenTrial], number: int, attempt: int, fixed: Mapping[str, Scalar]
    ) -> tuple[Drawn, Fault | None]:
        """What the sampler draws at this attempt, the `fixed` values kept."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # TPE's groups
            sampler = make_sampler(
                self._space.search,
                number,
                attempt,
                infeasible=sum(any(bound > 0 for bound in trial.constraints.values()) for trial in known),
                grouped=self._has_conditions,
            )
        scratch = self._known.study_of(known, sampler)
        trial, drawn = scratch.ask(), Drawn()

        def choose(name: str, parameter: Choice | Range) -> Scalar:
            drawn[name] = fixed[name] if name in fixed else _suggested(trial, name, parameter)
            return drawn[name]

        _, fault = resolve(self._space.parameters, choose, self._space.constraints, self._order)
        scratch.tell(trial, state=TrialState.FAIL)  # of which no sampler learns
        return drawn, fault

    def _drawn_evenly(self, number: int, fixed: Mapping[str, Scalar]) -> Drawn:
        """An allowed trial without the sampler; at the worst one of those that let the space pass."""
        space = self._space
        points = draw(space.parameters, space.constraints, proposal_seed(space.search.seed, number), fixed)
        for point in islice(points, _RANDOM_ATTEMPTS):
            if point.fault is None and fixed.keys() <= point.drawn.keys():
                return point.drawn
        for point in survey(space.parameters, space.constraints, fixed).allowed:
            if fixed.keys() <= point.drawn.keys():
                return point.drawn
        texts = ", ".join(f"'{constraint.text}'" for constraint in space.constraints)
        raise InputError(
            f"{space.path}: constraints", f"no trial is found that fulfils {texts}", "Loosen them"
        )

    def _proposal(self, drawn: Drawn) -> Proposal:
        distributions = {}
        for name in sorted(drawn):
            parameter = inner(self._space.parameters[name])
            assert isinstance(parameter, (Choice, Range)), "nothing else is drawn"
            distributions[name] = distribution_of(parameter)
        return Proposal({name: stored_of(drawn[name]) for name in distributions}, distributions)


class _KnownTrials:
    """A study in memory with the trials before the one to propose; those that run count for TPE, too.

    It is made anew only when one of them has ended, so once for each wave: for each proposal it would
    cost more with every trial.
    """

    def __init__(self) -> None:
        self._states: list[tuple[int, TrialState]] = []
        self._study: optuna.Study | None = None

    def study_of(self, known: Sequence[FrozenTrial], sampler: BaseSampler) -> optuna.Study:
        """Holds `known` in their order, as after a restart. What is asked of it must be told FAIL again."""
        states = [(trial.number, trial.state) for trial in known]
        if self._study is None or states[: len(self._states)] != self._states:
            self._study, self._states = optuna.create_study(direction="maximize"), []
        self._study.add_trials(known[len(self._states) :])
        self._states, self._study.sampler = states, sampler
        return self._study


def _suggested(trial: Trial, name: str, parameter: Choice | Range) -> Scalar:
    """What the sampler of `trial` draws for one parameter."""
    if isinstance(parameter, Choice):
        chosen = trial.suggest_categorical(name, [stored_of(value) for value in parameter.values])
        return {stored_of(value): value for value in parameter.values}[chosen]  # type: ignore[index]
    low, high, step, log = parameter.low, parameter.high, parameter.step, parameter.log
    if parameter.integer:
        return trial.suggest_int(name, int(low), int(high), step=int(step or 1), log=log)
    return stepped(parameter, trial.suggest_float(name, low, high, step=step, log=log))
