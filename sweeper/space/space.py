"""A search space as the rest of sweeper sees it: checked, with absolute paths."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sweeper.space.data_settings import DataSettings
from sweeper.space.expression import Expression
from sweeper.space.limits_section import LimitSettings
from sweeper.space.parameters import Parameter, Scalar

SamplerName = Literal["tpe", "random", "grid"]


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """`trials` is a total that a second start goes on to. A grid has no more of them than points."""

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
    """One space file. `parameters` has an entry for every field of TrialConfig.

    A trial that breaks one of `constraints` is never trained. `baseline` holds what is tried first:
    values of some of the drawn parameters. `notes` are sentences that the user is told.
    """

    path: Path
    name: str
    base: str
    data: DataSettings
    parameters: Mapping[str, Parameter]
    search: SearchSettings
    dev: tuple[Path, ...]
    """Suites; the first one steers the search."""
    test: Path | None
    promote: PromoteSettings
    constraints: tuple[Expression, ...] = ()
    baseline: tuple[Mapping[str, Scalar], ...] = ()
    notes: tuple[str, ...] = ()
    limits: LimitSettings = field(default_factory=LimitSettings)
