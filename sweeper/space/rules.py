"""What each parameter of a trial may be: its type, its bounds, its names."""

import math
import re
from dataclasses import dataclass
from typing import Any

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.scalar import Scalar
from sweeper.space.suggest import closest, did_you_mean
from sweeper.space.wording import is_number, shown

ALL_LINEAR = "all-linear"
"""PEFT's word for every linear layer but the output head."""

SCHEDULERS = (
    "linear",
    "cosine",
    "cosine_with_restarts",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
)
"""Names of transformers.get_scheduler that need nothing beside optimizer, warm-up and total steps.

polynomial is left out: it is linear down to 1e-7 and refuses learning rates below that.
"""

OPTIMIZERS = ("adamw_torch", "adamw_8bit", "paged_adamw_8bit")
"""Trainer's names: torch's AdamW, and bitsandbytes' with 8-bit state, which may be moved out of the GPU."""

NAMES: dict[str, tuple[str, ...]] = {"lr_scheduler_type": SCHEDULERS, "optim": OPTIMIZERS}
"""The parameters that are one name of these."""

SWITCHES = ("use_rslora", "gradient_checkpointing")
"""The parameters that are true or false."""

LEFT_TO_MEMORY = "gradient_checkpointing"
"""May be `auto`: on for the trials that do not fit without it. It is None then, as what no trial sets."""

AUTO = "auto"

LIMIT = 1e18
"""No number may be larger, in a file or in an expression: so nothing overflows or takes long."""

PAIR = ("per_device_train_batch_size", "gradient_accumulation_steps")
"""Given together or not at all; their product is the effective batch."""

CONSTANT_ONLY = ("save_steps", "logging_steps", "eval_steps")
"""They change nothing in how a trial learns, so there is nothing to search."""

OPTIONAL = ("num_train_epochs", "max_steps", *PAIR, *CONSTANT_ONLY)
"""The parameters that may be None in a TrialConfig: they do not apply, or the sweep decides."""


@dataclass(frozen=True, slots=True)
class NumberRule:
    """`minimum` itself is allowed unless `above` is set; `below` never is."""

    example: str
    minimum: float
    above: bool = False
    integer: bool = False
    below: float = math.inf

    @property
    def wanted(self) -> str:
        kind = "a whole number" if self.integer else "a number"
        end = f" and below {self.below:g}" if self.below < math.inf else ""
        return f"{kind} {'greater than' if self.above else 'of at least'} {self.minimum:g}{end}"

    def allows(self, value: float) -> bool:
        """Whether a number lies within the bounds; a bound of infinity is one too."""
        return (value > self.minimum if self.above else value >= self.minimum) and value < self.below


NUMBERS: dict[str, NumberRule] = {
    "learning_rate": NumberRule("2e-4", 0, above=True),
    "lora_rank": NumberRule("16", 1, integer=True),
    "lora_alpha": NumberRule("32", 0, above=True),
    "effective_batch_size": NumberRule("8", 1, integer=True),
    "max_seq_length": NumberRule("1024", 8, integer=True),
    "num_train_epochs": NumberRule("1", 0, above=True),
    "max_steps": NumberRule("100", 1, integer=True),
    "warmup_steps": NumberRule("0.05", 0),
    "weight_decay": NumberRule("0.01", 0),
    "max_grad_norm": NumberRule("1", 0),
    "lora_dropout": NumberRule("0.05", 0, below=1),
    "per_device_train_batch_size": NumberRule("4", 1, integer=True),
    "gradient_accumulation_steps": NumberRule("2", 1, integer=True),
    "save_steps": NumberRule("100", 1, integer=True),
    "logging_steps": NumberRule("10", 1, integer=True),
    "eval_steps": NumberRule("50", 1, integer=True),
}
"""The parameters that are numbers; only these can be ranges, those of CONSTANT_ONLY aside."""


def example_of(name: str) -> str:
    """A value of the parameter `name`, as YAML text."""
    if name in SWITCHES:
        return "true"
    if name in NAMES:
        return NAMES[name][0]
    return "[q_proj, v_proj]" if name == "target_modules" else NUMBERS[name].example


def check_value(name: str, value: Any) -> Scalar:
    """One value of the parameter `name`, as TrialConfig's field holds it. Raises BrokenRule."""
    if name == "target_modules":
        return _target_modules(value)
    if name in NAMES:
        return _one_of(value, NAMES[name])
    if name in SWITCHES:
        return _true_or_false(value)
    return _number(name, value, NUMBERS[name])


def check_constant(name: str, value: Any) -> Scalar | None:
    """A value that all trials have, as check_value; None is what `auto` leaves to each trial's plan."""
    if name != LEFT_TO_MEMORY:
        return check_value(name, value)
    return None if value == AUTO else _true_or_false(value, f"true, false or {AUTO}")


def _number(name: str, value: Any, rule: NumberRule) -> float | int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BrokenRule(f"is {shown(value)}, must be {rule.wanted}", _number_fix(value, rule))
    if not rule.allows(value):
        raise BrokenRule(f"is {value}, must be {rule.wanted}", _number_fix(value, rule))
    if value > LIMIT:
        raise BrokenRule(f"is {shown(value)}, must be at most {LIMIT:g}", _number_fix(value, rule))
    if name == "warmup_steps" and value >= 1 and value != int(value):
        problem = f"is {value}, must be a whole number of steps, or below 1 for a share of all steps"
        raise BrokenRule(problem, f"Write {round(value)}")
    if not rule.integer:
        return float(value)
    if isinstance(value, float):
        fix = f"Write {int(value)}" if value == int(value) else _number_fix(value, rule)
        raise BrokenRule(f"is {value}, must be a whole number", fix)
    return value


def _number_fix(value: Any, rule: NumberRule) -> str:
    if isinstance(value, str) and is_number(value):
        return f"Write {value.strip()} without quotes"
    if isinstance(value, list):
        return "Write `{values: [...]}` to search among them"
    return f"Write for example {rule.example}"


def _true_or_false(value: Any, wanted: str = "true or false") -> bool:
    if isinstance(value, bool):
        return value
    meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(str(value).lower())
    fix = "Write `{values: [...]}` to search among them" if isinstance(value, list) else "Write true"
    raise BrokenRule(f"is {shown(value)}, must be {wanted}", f"Write {meant}" if meant else fix)


def _one_of(value: Any, known: tuple[str, ...]) -> str:
    if isinstance(value, list):
        raise BrokenRule("is a list, must be one name", "Write `{values: [...]}` to search among them")
    if value not in known:
        names = ", ".join(known)
        raise BrokenRule(
            f"is {shown(value)}, must be one of {names}",
            did_you_mean(str(value), known, "Take one of them"),
        )
    return str(value)


_MODULES_FIX = "Write for example [q_proj, v_proj]"


def _target_modules(value: Any) -> tuple[str, ...]:
    if value == ALL_LINEAR:
        return (ALL_LINEAR,)
    if isinstance(value, str):
        is_name = re.fullmatch(r"[\w.]+", value) is not None
        one = f"Write [{value}] for this module alone" if is_name else _MODULES_FIX
        fix = f"Did you mean '{ALL_LINEAR}'?" if closest(value, [ALL_LINEAR]) else one
        raise BrokenRule(f"is {shown(value)}, must be {ALL_LINEAR} or a list of module names", fix)
    if not isinstance(value, (list, tuple)) or not value:
        problem = f"is {shown(value)}, must be {ALL_LINEAR} or a list of module names"
        raise BrokenRule(problem, _MODULES_FIX)
    for index, module in enumerate(value):
        _module(module, index, value)
    return tuple(value)


def _module(module: Any, index: int, modules: Any) -> None:
    if not isinstance(module, str) or not module.strip():
        raise BrokenRule(f"is {shown(module)}, must be a module's name", "Write for example q_proj", (index,))
    if module == ALL_LINEAR and len(modules) > 1:
        raise BrokenRule(
            f"is {ALL_LINEAR}, must stand alone", f"Write `target_modules: {ALL_LINEAR}`", (index,)
        )
    if module in modules[:index]:
        raise BrokenRule(f"is {shown(module)} again", "Remove one of the two", (index,))
