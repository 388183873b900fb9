"""A search space as the rest of sweeper sees it: checked, with absolute paths."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sweeper.space.parameters import Parameter

SamplerName = Literal["tpe", "random"]


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """`trials` is a total that a second start goes on to."""

    trials: int
    seed: int
    sampler: SamplerName


@dataclass(frozen=True, slots=True)
class PromoteSettings:
    """`name` in Ollama; `parameters` are Ollama's own (temperature, num_ctx, ...); `system` a system text."""

    name: str
    parameters: Mapping[str, float | int | str | bool | list[str]]
    system: str | None


@dataclass(frozen=True, slots=True)
class Space:
    """One space file. `parameters` has an entry for every field of TrialConfig."""

    path: Path
    name: str
    base: str
    train: Path
    parameters: Mapping[str, Parameter]
    search: SearchSettings
    dev: Path
    test: Path | None
    promote: PromoteSettings
    allow_overlap: bool = False
    """Whether cases of test may stand among the training rows."""
