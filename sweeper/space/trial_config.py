"""One point of the search space: everything that decides how one trial trains."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sweeper.errors import InputError
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.parameters import Scalar
from sweeper.space.rules import LEFT_TO_MEMORY, OPTIONAL, PAIR, check_value
from sweeper.space.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class TrialConfig:
    """The parameters of one trial, under Hugging Face's names.

    Exactly one of `num_train_epochs` and `max_steps` is set. `warmup_steps` below 1 is a share of
    all steps, as in transformers 5. `target_modules` is ("all-linear",) or names of linear layers.
    `per_device_train_batch_size` and `gradient_accumulation_steps` are both None, so that the planner
    chooses them, or both set: `effective_batch_size` is then their product, whatever it was given as.
    `gradient_checkpointing` computes layers twice to hold less, and changes no weight; None leaves it to
    the planner.
    `save_steps`, `logging_steps` and `eval_steps` are None where the sweep decides; they change no weight,
    but eval_steps decides where a trial may be stopped early.
    """

    learning_rate: float = 2e-4
    lora_rank: int = 16
    lora_alpha: float = 32.0
    target_modules: tuple[str, ...] = ("all-linear",)
    effective_batch_size: int = 8
    max_seq_length: int = 1024
    num_train_epochs: float | None = 1.0
    max_steps: int | None = None
    warmup_steps: float = 0.0
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    lr_scheduler_type: str = "linear"
    lora_dropout: float = 0.0
    use_rslora: bool = False
    optim: str = "adamw_torch"
    gradient_checkpointing: bool | None = False
    per_device_train_batch_size: int | None = None
    gradient_accumulation_steps: int | None = None
    save_steps: int | None = None
    logging_steps: int | None = None
    eval_steps: int | None = None

    def __post_init__(self) -> None:
        rows, steps = self.per_device_train_batch_size, self.gradient_accumulation_steps
        if (rows is None) != (steps is None):
            raise ValueError("per_device_train_batch_size and gradient_accumulation_steps go together")
        if rows is not None and steps is not None:
            object.__setattr__(self, "effective_batch_size", rows * steps)


DEFAULTS: Mapping[str, Any] = asdict(TrialConfig())
"""The default of each parameter."""


def config_from(values: Mapping[str, Scalar | None]) -> TrialConfig:
    """A checked TrialConfig; what is not named takes its default, num_train_epochs none beside max_steps.

    Raises InputError for an unknown name, a value that its rule forbids, epochs beside steps, one of
    the pair without the other, and an effective_batch_size that is not the pair's product.
    """
    known = [field.name for field in fields(TrialConfig)]
    for name in values:
        if name not in known:
            fix = did_you_mean(name, known, f"Known parameters: {', '.join(known)}")
            raise InputError(f"parameter {name}", "there is none of this name", fix)
    checked: dict[str, Any] = {name: _checked(name, value) for name, value in values.items()}
    if checked.get("max_steps") is not None:
        checked.setdefault("num_train_epochs", None)
    _check_pair(checked)
    config = TrialConfig(**checked)
    if (config.num_train_epochs is None) == (config.max_steps is None):
        raise InputError(
            "parameter max_steps", "exactly one of it and num_train_epochs must be set", "Set one"
        )
    return config


def _check_pair(values: Mapping[str, Any]) -> None:
    rows, steps = (values.get(name) for name in PAIR)
    if (rows is None) != (steps is None):
        there, missing = PAIR if steps is None else PAIR[::-1]
        raise InputError(f"parameter {there}", f"needs {missing} beside it", f"Give {missing} too")
    if rows is not None and values.get("effective_batch_size", rows * steps) != rows * steps:
        raise InputError(
            "parameter effective_batch_size",
            f"is {values['effective_batch_size']}, and {' times '.join(PAIR)} is {rows * steps}",
            "Leave it out",
        )


def _checked(name: str, value: Scalar | None) -> Scalar | None:
    if value is None and name in (*OPTIONAL, LEFT_TO_MEMORY):
        return None
    try:
        return check_value(name, value)
    except BrokenRule as broken:
        raise InputError(f"parameter {name}", broken.problem, broken.fix) from None
