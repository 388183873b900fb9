"""After memory ran out in a step: nothing of it stays, the trials are saved and given back to the driver."""

import gc
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sweeper.events import TrialOutOfMemory
from sweeper.training.out_of_memory import is_out_of_memory
from sweeper.workers.trial_run import TrialRun
from sweeper.workers.worker import Emit

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why a step could not be taken. `measured_bytes` is what it held and asked for, where that is known."""

    reason: str
    measured_bytes: int | None
    is_shared: bool = False
    """Whether several trials took part, so that it says nothing of the prediction for one."""


def give_back(runs: Sequence[TrialRun], shortage: Shortage, emit: Emit) -> None:
    """Frees what the step left, saves each trial where its last whole step ended, and tells the driver.

    A trial whose optimizer step broke off goes on from its last checkpoint instead, and is the only one
    that is told to have run out: the others had their step. Otherwise all that shared the step are.
    """
    for run in runs:
        run.slot.abandon_window()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    torn = [run for run in runs if run.slot.is_torn]
    for run in runs:
        if not run.slot.is_torn:
            _save(run, emit)
        run.checkpointing.wait(emit)
    for run in torn or runs:
        trial = run.trial
        emit(
            TrialOutOfMemory(
                trial.number,
                time.time(),
                trial.attempt,
                trial.micro_batch_size,
                shortage.reason,
                None if shortage.is_shared else shortage.measured_bytes,
                None if shortage.is_shared else trial.predicted_bytes,
                trial.is_checkpointed,
            )
        )


def _save(run: TrialRun, emit: Emit) -> None:
    """Saves the trial, or leaves it at its last checkpoint where there is no memory even for that."""
    if run.slot.step == 0:
        return
    try:
        run.checkpointing.save(emit)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        _log.warning("trial %d could not be saved: %s", run.trial.number, error)
