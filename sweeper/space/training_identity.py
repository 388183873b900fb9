"""What decides how a trial trains: two trials of equal identity end in the same adapter."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from sweeper.space.parameters import Choice, Parameter, Scalar, inner
from sweeper.space.rules import PAIR
from sweeper.space.trial_config import TrialConfig

TrainingIdentity = tuple[tuple[str, object], ...]
"""Names and values, hashable and comparable."""

_CHANGE_NOTHING = (*PAIR, "save_steps", "logging_steps", "gradient_checkpointing")
"""How a window is cut, how often something is written and what is computed twice change no gradient but
by rounding."""


def training_identity(config: TrialConfig, longest_row: int) -> TrainingIdentity:
    """All that decides the training on rows of at most `longest_row` tokens, seed and rows given.

    A max_seq_length that cuts no row is like any other such. Of lora_alpha and use_rslora only the
    scale counts that they give; a schedule without warm-up is held against none; the order of
    target_modules counts for nothing, nor does where an optimizer keeps its state. Not covered: epochs
    that come to the same steps as max_steps, and names of modules that mean the same layers as
    all-linear.
    """
    values = asdict(config)
    for name in _CHANGE_NOTHING:
        del values[name]
    root = math.sqrt(config.lora_rank) if values.pop("use_rslora") else config.lora_rank
    values["lora_alpha"] = config.lora_alpha / root
    values["max_seq_length"] = min(config.max_seq_length, longest_row)
    values["target_modules"] = tuple(sorted(config.target_modules))
    values["optim"] = config.optim.removeprefix("paged_")
    if config.lr_scheduler_type == "constant":
        values["warmup_steps"] = 0.0
    if config.lr_scheduler_type == "constant_with_warmup" and config.warmup_steps == 0:
        values["lr_scheduler_type"] = "constant"
    return tuple(sorted(values.items()))


_ONCE = "Of trials that differ in it alone one trains, and the others have its result."


@dataclass(frozen=True, slots=True)
class Coinciding:
    """Values of one parameter that train the same, all else equal."""

    name: str
    values: tuple[Scalar, ...]


def coinciding(parameters: Mapping[str, Parameter], longest_row: int) -> list[Coinciding]:
    """Where choices of a space come to the same on rows of at most `longest_row` tokens.

    Only values of one choice are held against each other, the other parameters at their defaults.
    """
    found = []
    for name, parameter in parameters.items():
        choice = inner(parameter)
        if not isinstance(choice, Choice) or name in PAIR:
            continue
        alike: dict[TrainingIdentity, list[Scalar]] = {}
        for value in choice.values:
            alike.setdefault(training_identity(_with(name, value), longest_row), []).append(value)
        found += [Coinciding(name, tuple(values)) for values in alike.values() if len(values) > 1]
    return found


def coinciding_sentences(parameters: Mapping[str, Parameter], longest_row: int) -> list[str]:
    """What `check` says of them: "max_seq_length 1024, 2048 and 4096 train the same: ..."."""
    sentences = []
    for group in coinciding(parameters, longest_row):
        *most, last = [_plain(value) for value in group.values]
        reason = f": the longest row has {longest_row} tokens" if group.name == "max_seq_length" else ""
        sentences.append(f"{group.name} {', '.join(most)} and {last} train the same{reason}. {_ONCE}")
    return sentences


def _with(name: str, value: Scalar) -> TrialConfig:
    changed: dict[str, object] = {name: value}
    if name == "max_steps":
        changed["num_train_epochs"] = None
    return replace(TrialConfig(), **changed)  # type: ignore[arg-type]


def _plain(value: Scalar) -> str:
    return f"[{', '.join(value)}]" if isinstance(value, tuple) else str(value)
