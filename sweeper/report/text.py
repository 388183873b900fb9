"""Numbers, times and parameters as people read them."""

import dataclasses
from collections.abc import Iterable

from sweeper.space.trial_config import TrialConfig


def duration(seconds: float) -> str:
    """To about two digits: '40 s', '12 min', '3 h 05 min', '2 d 4 h'."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def score(value: float | None) -> str:
    """Three decimals, or a dash where there is no score."""
    return "-" if value is None else f"{value:.3f}"


def parameter(value: object) -> str:
    """A parameter's value in as few digits as tell it apart: 0.000217, 3e-05, all-linear."""
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def parameter_names() -> list[str]:
    """All parameters of a trial, in the order of TrialConfig."""
    return [field.name for field in dataclasses.fields(TrialConfig)]


def varying(configs: Iterable[TrialConfig]) -> list[str]:
    """Names of the parameters in which `configs` differ, in the order of TrialConfig."""
    known = list(configs)
    return [name for name in parameter_names() if len({getattr(config, name) for config in known}) > 1]


def parameters(config: TrialConfig, names: Iterable[str]) -> str:
    """'learning_rate 0.0002, lora_rank 16'; what does not apply is left out."""
    values = {name: getattr(config, name) for name in names}
    return ", ".join(f"{name} {parameter(value)}" for name, value in values.items() if value is not None)
