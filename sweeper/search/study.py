"""The trials of one sweep, proposed and kept by Optuna."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import optuna
import sqlalchemy.exc
from optuna.trial import FrozenTrial, TrialState

from sweeper.errors import InputError, UnavailableError
from sweeper.home import Home
from sweeper.scoring.suite import Suite
from sweeper.search.distributions import config_of
from sweeper.search.identity import differences, identity_of
from sweeper.search.proposal import Proposer
from sweeper.space.space import Space
from sweeper.space.trial_config import TrialConfig

_IDENTITY = "sweeper.identity"
_LOCK_TIMEOUT_SECONDS = 60.0
"""How long to wait for another sweep that writes to the same database."""

_NO_RUNGS: Mapping[int, float] = {}

StateName = Literal["running", "complete", "pruned", "failed"]

_STATE_NAMES: dict[TrialState, StateName] = {
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


@dataclass(frozen=True, slots=True)
class TrialSummary:
    """One trial as the study knows it. `value` is set if and only if it is complete."""

    number: int
    config: TrialConfig
    state: StateName
    value: float | None


class Study:
    """The study of `space.name` in the home's Optuna database, made if it is not there yet.

    Values are maximised. One process at a time may hold a study: the driver, under its sweep's lock.

    Proposals depend on the seed, the trial's number, and the trials before it as far as they are told.

    Example:
        study = Study(home, space)
        for number in range(space.search.trials):
            study.tell_completed(number, train_and_score(study.ask(number)))
    """

    def __init__(self, home: Home, space: Space, dev: Sequence[Suite] | None = None) -> None:
        """Raises InputError if the stored study was made for another space, UnavailableError if the
        database cannot be opened. `dev` are the space's dev suites, where they are read already."""
        self._space = space
        self._proposer = Proposer(space)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        home.mlruns.mkdir(parents=True, exist_ok=True)
        self._storage = _open_storage(home.optuna_uri)
        self._study = optuna.create_study(
            storage=self._storage, study_name=space.name, direction="maximize", load_if_exists=True
        )
        self._compare(space, dev)

    def _compare(self, space: Space, dev: Sequence[Suite] | None) -> None:
        """Raises InputError, which says what changed, if this study's trials were made for another space."""
        now = identity_of(space, dev)
        stored = self._study.user_attrs.get(_IDENTITY)
        if stored is None or not self._frozen():  # nothing was spent on the other space yet
            self._adopt(now)
        elif changes := differences(json.loads(stored), now):
            raise InputError(
                str(space.path),
                f"sweep '{space.name}' was started with another space: " + "; ".join(changes),
                "Give the changed space a new name, put it back as it was, or start it with --fresh, which "
                "puts the old sweep aside",
            )

    def ask(self, number: int) -> TrialConfig:
        """Proposes trial `number`, the next one, which is RUNNING from now on; gives an earlier one again.

        The proposal is made in memory and stored in one transaction: a process that dies here
        leaves the whole trial or none. Raises ValueError for a number that skips one.
        """
        known = self._frozen()
        if number > len(known):
            raise ValueError(f"trial {number} cannot be asked after {len(known)} trials")
        if number < len(known):
            return self._config(known[number].params)
        proposal = self._proposer.propose(known, number)
        self._study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.RUNNING,
                params=dict(proposal.params),
                distributions=dict(proposal.distributions),
            )
        )
        return self._config(dict(proposal.params))

    def tell_completed(
        self, number: int, value: float, rungs: Mapping[int, float] = _NO_RUNGS, adapter: str | None = None
    ) -> None:
        """Ends a trial with its objective. Telling a finished trial, here and below, changes nothing.

        `rungs` are its losses by rung. TPE ranks what is complete before what is pruned, and that by
        the last rung and the value there, as higher is better in this study: so they are stored negated.
        """
        self._tell(number, TrialState.COMPLETE, value, rungs, adapter=adapter)

    def tell_pruned(self, number: int, reason: str, rungs: Mapping[int, float] = _NO_RUNGS) -> None:
        """Ends a trial that was stopped early. Without `rungs` TPE learns from it as from the worst."""
        self._tell(number, TrialState.PRUNED, None, rungs, reason=reason)

    def tell_infeasible(self, number: int, reason: str, excess: float) -> None:
        """Ends a trial that cannot run. `excess`, above 0, says by how much: TPE keeps away from there."""
        if not self._frozen()[number].state.is_finished():
            trial = optuna.trial.Trial(self._study, self._trial_id(number))
            if not self._frozen()[number].constraints:  # Optuna would warn of a second one, and ignore it
                trial.set_constraint("memory", excess)
        self._tell(number, TrialState.PRUNED, None, _NO_RUNGS, reason=reason)

    def tell_failed(self, number: int, reason: str) -> None:
        """Ends a trial that broke for reasons that say nothing about its parameters."""
        self._tell(number, TrialState.FAIL, None, _NO_RUNGS, reason=reason)

    def trials(self) -> list[TrialSummary]:
        """All trials, by number."""
        return [
            TrialSummary(
                number=trial.number,
                config=self._config(trial.params),
                state=_STATE_NAMES[trial.state],
                value=trial.value if trial.state == TrialState.COMPLETE else None,
            )
            for trial in self._frozen()
        ]

    def _adopt(self, identity: dict[str, object]) -> None:
        if self._frozen():
            raise InputError(
                str(self._space.path),
                f"the Optuna database already has a study '{self._space.name}' that sweeper did not make",
                "Give the space another name",
            )
        self._study.set_user_attr(_IDENTITY, json.dumps(identity))

    def _tell(
        self,
        number: int,
        state: TrialState,
        value: float | None,
        rungs: Mapping[int, float],
        **notes: str | None,
    ) -> None:
        """The state comes last: a trial that is told half is told whole the next time."""
        if self._frozen()[number].state.is_finished():
            return
        trial_id = self._trial_id(number)
        for key, note in notes.items():
            if note is not None:
                self._storage.set_trial_user_attr(trial_id, key, note)
        for rung, loss in rungs.items():
            self._storage.set_trial_intermediate_value(trial_id, rung, -loss)
        self._study.tell(number, value, state)

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._study_id(), number)

    def _study_id(self) -> int:
        return self._storage.get_study_id_from_name(self._study.study_name)

    def _frozen(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _config(self, params: dict[str, object]) -> TrialConfig:
        return config_of(self._space.parameters, params)


def rename_study(home: Home, name: str, new_name: str) -> None:
    """Keeps all of a study under another name. Does nothing where there is none of the old one.

    Optuna copies and deletes; a copy that was cut short is made again, since its source is still there.
    """
    if not (home.mlruns / "optuna.db").exists():
        return
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = _open_storage(home.optuna_uri)
    names = optuna.get_all_study_names(storage)
    if name not in names:
        return
    if new_name in names:
        optuna.delete_study(study_name=new_name, storage=storage)
    optuna.copy_study(from_study_name=name, from_storage=storage, to_storage=storage, to_study_name=new_name)
    optuna.delete_study(study_name=name, storage=storage)


def _open_storage(uri: str) -> optuna.storages.RDBStorage:
    """Waits for a locked database. Raises UnavailableError where it is none, or another Optuna's."""
    try:
        return optuna.storages.RDBStorage(
            uri, engine_kwargs={"connect_args": {"timeout": _LOCK_TIMEOUT_SECONDS}}
        )
    except (sqlalchemy.exc.SQLAlchemyError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UnavailableError(f"{uri}: Optuna cannot open its database ({reason}).") from error
