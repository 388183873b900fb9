"""Which trials train side by side. Pure: planned trials in, cohorts out."""

import math
from collections.abc import Sequence, Set

from sweeper.memory.plan import Cohort, PlannedTrial
from sweeper.training.layouts import Layout, layout_of_trial
from sweeper.workers.worker import WorkerFacts


def cohorts(
    planned: Sequence[PlannedTrial], workers: int, facts: WorkerFacts, alone: Set[int] = frozenset()
) -> list[Cohort]:
    """`planned`, in order, in cohorts of at most `facts.cohort` trials, which are spread over `workers`.

    Members share gradient checkpointing and layout (and the base, so its precision). The trials whose
    numbers are in `alone` share with nobody: they broke off, and what breaks must be known by itself.
    """
    size = max(min(facts.cohort, math.ceil(len(planned) / max(workers, 1))), 1)
    made: list[list[PlannedTrial]] = []
    for trial in planned:
        kind = None if trial.number in alone else _kind(trial, facts)
        fitting = (
            members
            for members in made
            if kind is not None
            and len(members) < size
            and members[0].number not in alone
            and _kind(members[0], facts) == kind
        )
        members = next(fitting, None)
        if members is None:
            made.append([trial])
        else:
            members.append(trial)
    return [Cohort(tuple(members)) for members in made]


def _kind(trial: PlannedTrial, facts: WorkerFacts) -> tuple[bool, Layout]:
    """What members of a cohort have in common."""
    config = trial.config
    layout = layout_of_trial(
        config,
        facts.row_lengths,
        facts.prompt_lengths,
        facts.shared_prefix,
        facts.shape,
        trial.micro_batch_size,
    )
    return trial.is_checkpointed, layout
