"""A trial's training state on disk: whole or not there, and never read for another trial's.

A checkpoint is one file: a line with the SHA-256 of what follows, then torch's own archive of the
slot's state. There is no random state in it beside the step: data order and dropout masks are drawn
from (seed, step), never from a generator that runs along.
"""

import dataclasses
import hashlib
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from sweeper.data.encode import EncodedRow
from sweeper.errors import SweepError
from sweeper.space.trial_config import TrialConfig

ENGINE_VERSION = 1
"""Raise it with every change of the engine that changes what a step does or what a slot's state holds."""

_NOT_TRAINING = (
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "save_steps",
    "logging_steps",
    "gradient_checkpointing",
    "eval_steps",
)
"""Parameters that leave every step as it is, or decide only how it is cut. (eval_steps cannot change
between two starts of a sweep, so what was stopped by it is what it would stop.)"""

_DIGEST_CHARACTERS = 64


class UnusableCheckpoint(SweepError):
    """There is a checkpoint, and training cannot go on from it."""


def checkpoint_identity(config: TrialConfig, rows: Sequence[EncodedRow], seed: int, base: str) -> str:
    """A digest of all that decides a trial's steps: what a checkpoint of it may be resumed for.

    The micro-batch is left out, so that a trial which ran out of memory goes on with a smaller one.
    Not covered: a base whose weights were changed under the same name.
    """
    settings = {k: v for k, v in dataclasses.asdict(config).items() if k not in _NOT_TRAINING}
    digest = hashlib.sha256(json.dumps([ENGINE_VERSION, settings, seed, base]).encode())
    for row in rows:
        digest.update(repr(row).encode())
    return digest.hexdigest()


def write_checkpoint(path: Path, identity: str, state: dict[str, Any]) -> None:
    """Puts `state` (of `Slot.state`) under `path`, on disk when this returns. Raises OSError."""
    archive = io.BytesIO()
    torch.save({"identity": identity, "state": state}, archive)
    content = archive.getbuffer()
    writing = path.with_name(path.name + ".writing")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(writing, "wb") as file:
        file.write(hashlib.sha256(content).hexdigest().encode() + b"\n")
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(writing, path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` outlast a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_checkpoint(path: Path, identity: str) -> dict[str, Any] | None:
    """The state that was written for `identity`, or None where there is no checkpoint.

    Raises UnusableCheckpoint for a damaged file and for one of another identity.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, archive = content[:_DIGEST_CHARACTERS], content[_DIGEST_CHARACTERS + 1 :]
    if hashlib.sha256(archive).hexdigest().encode() != digest:
        raise UnusableCheckpoint(f"{path} is damaged: its checksum is not its content's")
    saved: dict[str, Any] = torch.load(io.BytesIO(archive), map_location="cpu", weights_only=True)
    if saved["identity"] != identity:
        raise UnusableCheckpoint(
            f"{path} is of other training: its parameters, rows, seed, base or engine version differ"
        )
    state: dict[str, Any] = saved["state"]
    return state


def remove_checkpoint(path: Path) -> None:
    """Removes it, and what an interrupted write left."""
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".writing").unlink(missing_ok=True)
