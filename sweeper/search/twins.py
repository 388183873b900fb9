"""Trials that train the same: one of them trains, and the others have its results. Pure.

Who is whose twin is decided when a trial is asked, from its parameters alone, and logged. Within a
wave the trial asked first trains. A twin holds no place of its own in the wave: it waits and ends as
the trial it copies. Only where that one fails, or does not fit, which another micro-batch may do, the
twin competes in its stead, from the first rung on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.events import TrialCompleted, TrialDiverged, TrialFailed, TrialInfeasible
from sweeper.space.training_identity import training_identity
from sweeper.space.trial_config import TrialConfig
from sweeper.standing import Standing, TrialStanding


@dataclass(frozen=True, slots=True)
class Copy:
    """Trial `number` has the results of trial `source`, which has ended."""

    number: int
    source: int


def lead_of(standing: Standing, config: TrialConfig, wave: int, longest_row: int) -> int | None:
    """The first trial that trains as `config` does; None where there is none.

    One of `wave` that can still train, or one of an earlier wave whose end says what would come out:
    complete or diverged. A pruned one lost against its own wave, which says nothing of this one.
    `longest_row` is in tokens, before the cut to max_seq_length.
    """
    wanted = training_identity(config, longest_row)
    for trial in standing.trials.values():
        is_open = trial.wave == wave and not _hands_over(trial)
        is_known = is_open or isinstance(trial.end, TrialCompleted | TrialDiverged)
        if trial.twin_of is None and is_known and training_identity(trial.config, longest_row) == wanted:
            return trial.number
    return None


def runners(standing: Standing, wave: Sequence[TrialStanding]) -> list[TrialStanding]:
    """Those of a wave that compete for its places: of trials that train the same the one that trains."""
    return [_runner(group) for lead, group in _groups(wave).items() if _is_of_wave(standing, lead, group)]


def copies(standing: Standing, wave: Sequence[TrialStanding]) -> tuple[Copy, ...]:
    """The twins that can end now, as what they copy has ended."""
    found = []
    for lead, group in _groups(wave).items():
        known = _runner(group) if _is_of_wave(standing, lead, group) else standing.trials[lead]
        if known.end is not None and not _hands_over(known):
            found += [Copy(each.number, known.number) for each in group if each.end is None]
    return tuple(found)


def _groups(wave: Sequence[TrialStanding]) -> dict[int, list[TrialStanding]]:
    """Trials that train the same, by number, under the number of the one asked first."""
    groups: dict[int, list[TrialStanding]] = {}
    for trial in sorted(wave, key=lambda trial: trial.number):
        groups.setdefault(trial.lead, []).append(trial)
    return groups


def _is_of_wave(standing: Standing, lead: int, group: Sequence[TrialStanding]) -> bool:
    return standing.trials[lead].wave == group[0].wave


def _runner(group: Sequence[TrialStanding]) -> TrialStanding:
    return next((trial for trial in group if not _hands_over(trial)), group[-1])


def _hands_over(trial: TrialStanding) -> bool:
    return isinstance(trial.end, TrialFailed | TrialInfeasible)
