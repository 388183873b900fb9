"""What a study is about. Trials may be compared with each other only while this stays the same."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.data.sources import read_records
from sweeper.models.devices import precision_of
from sweeper.scoring.fingerprint import suite_fingerprint
from sweeper.scoring.space_suites import space_suites
from sweeper.scoring.steering import steering_objective
from sweeper.scoring.suite import Suite
from sweeper.space.data_settings import DataSettings, HeldOutShare, HubSet, RowFile, RowSource
from sweeper.space.early_stopping import EarlyStoppingSettings
from sweeper.space.objective import SCORE_NAME
from sweeper.space.parameters import Choice, Computed, Constant, Parameter, Range, Scalar
from sweeper.space.pruner import PrunerSettings
from sweeper.space.space import Space
from sweeper.space.trial_config import DEFAULTS

Identity = dict[str, Any]
"""Key in the space file → value, as JSON keeps it."""

_CONTENT_KEYS = ("data.train", "data.validation", "data.template", "evaluation.dev")
"""Held by a hash of the file's content, so a file may move but not change."""

_HASH = "sha256:"

_LATER_PARAMETERS = ("optim", "gradient_checkpointing")
"""Parameters that sweeps were begun without: left out where they are at their defaults."""


def identity_of(space: Space, dev: Sequence[Suite] | None = None) -> Identity:
    """The part of a space that decides what a trial's score means, and which trials are proposed.

    `search.trials`, `search.wall_time`, `promote`, `evaluation.test` and `evaluation.guard` are left out:
    they may change between two starts. A base model is known by its name and by how it is held, with
    `auto` as it comes out here. Reads the files, and data sets through `datasets`; dev suites only where
    they are not given. Of data, model and later parameters, what is left at its default is left out, so
    that sweeps begun before a key was known go on.
    """
    dev = space_suites(space).dev if dev is None else dev
    return {
        "model.base": space.base,
        **_model_identity(space),
        **_data_identity(space.data),
        "evaluation.dev": _HASH + ", ".join(suite_fingerprint(suite) for suite in dev),
        "search.seed": space.search.seed,
        "search.sampler": space.search.sampler,
        "search.objective": _objective(space, dev),
        **_pruner(space.search.pruner),
        **{
            f"parameters.{name}": _plain(parameter)
            for name, parameter in space.parameters.items()
            if name not in _LATER_PARAMETERS or parameter != Constant(DEFAULTS[name])
        },
        **_early_stopping(space.search.early_stopping),
        **_tried_first(space),
    }


def differences(was: Identity, now: Identity) -> list[str]:
    """What changed, each as half a sentence; empty if nothing did."""
    keys = [*was, *(key for key in now if key not in was)]
    return [_difference(key, was.get(key), now.get(key)) for key in keys if was.get(key) != now.get(key)]


def _difference(key: str, was: Any, now: Any) -> str:
    if key in _CONTENT_KEYS and any(str(value).startswith(_HASH) for value in (was, now)):
        return f"the content of {key} changed"
    return f"{key} was {_readable(was)} and is {_readable(now)}"


def _objective(space: Space, dev: Sequence[Suite]) -> Any:
    """What it comes to, so that a default that is written out changes nothing; one name by itself."""
    objective = steering_objective(space.search.objective, dev, space.path)
    if len(objective.weights) > 1:
        return dict(objective.weights)
    return SCORE_NAME if dev[0].name in objective.score_weights else str(objective)


def _pruner(pruner: PrunerSettings) -> Identity:
    """Each key by itself, so that a difference names one."""
    keys = {**dataclasses.asdict(pruner), "rungs": [str(rung) for rung in pruner.rungs]}
    return {f"search.pruner.{key}": value for key, value in keys.items()}


def _model_identity(space: Space) -> Identity:
    """How the base is held, where that is not in fp32 as it is."""
    precision = precision_of(space)
    found = {
        "model.dtype": (precision.dtype, "float32"),
        "model.quantization": (precision.quantization, "none"),
        "model.attention": (precision.attention, "auto"),
    }
    return {key: value for key, (value, default) in found.items() if value != default}


def _early_stopping(settings: EarlyStoppingSettings | None) -> Identity:
    """Nothing where no trial is stopped by its validation loss, as in sweeps of before it was known."""
    keys = {} if settings is None else dataclasses.asdict(settings)
    return {f"search.early_stopping.{key}": value for key, value in keys.items() if value is not None}


def _data_identity(data: DataSettings) -> Identity:
    """What decides which rows are trained on, which held out, and what of them is learned."""
    held_out = data.validation if isinstance(data.validation, HeldOutShare) else None
    named = data.validation if isinstance(data.validation, RowFile | HubSet) else None
    found = {
        "data.train": _source_hash(data.train),
        "data.validation": _source_hash(named) if named else held_out and held_out.share,
        "data.validation_seed": held_out and held_out.seed,
        "data.format": data.format,
        "data.train_on": data.train_on,
        "data.limit": data.limit,
        "data.template": data.template and _content_hash(data.template),
    }
    return {key: value for key, value in found.items() if value is not None}


def _source_hash(source: RowSource) -> str:
    """A file by its bytes, so that it may move; a data set by its rows, so that its cache may."""
    if isinstance(source, RowFile):
        return _content_hash(source.path)
    digest = hashlib.sha256()
    for record in read_records(source):
        digest.update(json.dumps(record.values, sort_keys=True, default=str).encode() + b"\n")
    return _HASH + digest.hexdigest()


def _tried_first(space: Space) -> Identity:
    """Constraints and baseline, where there are any."""
    baseline = [{name: _listed(value) for name, value in entry.items()} for entry in space.baseline]
    constraints = [constraint.text for constraint in space.constraints]
    return {key: value for key, value in (("constraints", constraints), ("baseline", baseline)) if value}


def _plain(parameter: Parameter) -> Any:
    match parameter:
        case Constant(value=value):
            return _listed(value)
        case Choice(values=values):
            return {"values": [_listed(value) for value in values]}
        case Range(low=low, high=high, log=log, step=step):
            return {"min": low, "max": high, "log": log, **({} if step is None else {"step": step})}
        case Computed(expression=expression):
            return {"expr": expression.text}
    when = {"when": parameter.when.text, "otherwise": _listed(parameter.otherwise)}
    return {**_plain(parameter.parameter), **when}


def _listed(value: Scalar | None) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _readable(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_readable(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_readable(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return "unset" if value is None else str(value)


def _content_hash(path: Path) -> str:
    with open(path, "rb") as file:
        return _HASH + hashlib.file_digest(file, "sha256").hexdigest()
