"""A search space as the rest of sweeper sees it: checked, with absolute paths."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sweeper.space.data_settings import DataSettings
from sweeper.space.early_stopping import EarlyStoppingSettings
from sweeper.space.evaluation_section import SplitSettings
from sweeper.space.expression import Expression
from sweeper.space.limits_section import LimitSettings
from sweeper.space.model_settings import ModelSettings
from sweeper.space.objective import AUTO, Objective
from sweeper.space.parameters import Parameter, Scalar
from sweeper.space.promote_settings import Form, GateSettings, Quantization
from sweeper.space.pruner import HALVING, PrunerSettings
from sweeper.space.workers_section import WorkerSettings

SamplerName = Literal["tpe", "random", "grid"]


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """`trials` is a total that a second start goes on to; so is `wall_seconds`, None where none is set.

    A grid has no more trials than points.
    """

    trials: int
    seed: int
    sampler: SamplerName
    pruner: PrunerSettings = HALVING
    objective: Objective = AUTO
    wall_seconds: float | None = None
    early_stopping: EarlyStoppingSettings | None = None


@dataclass(frozen=True, slots=True)
class PromoteSettings:
    """`name` in Ollama; `parameters` are Ollama's own (temperature, num_ctx, ...); `system` a system text.

    Of several in `quantization` the first takes the name itself. `host` None means OLLAMA_HOST. With `auto`
    the best trial is promoted when the sweep has ended. `form` says what Ollama gets: one merged file, or
    the adapter beside a base that it shares.
    """

    name: str
    parameters: Mapping[str, float | int | str | bool | list[str]]
    system: str | None
    quantization: tuple[Quantization, ...] = ("f16",)
    license: str | None = None
    host: str | None = None
    gate: GateSettings = field(default_factory=GateSettings)
    auto: bool = False
    form: Form = "merged"


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
    """Suites; `search.objective` says which steer the search."""
    test: Path | None
    """With a `split` the same file as dev."""
    promote: PromoteSettings
    constraints: tuple[Expression, ...] = ()
    baseline: tuple[Mapping[str, Scalar], ...] = ()
    notes: tuple[str, ...] = ()
    limits: LimitSettings = field(default_factory=LimitSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    workers: WorkerSettings = field(default_factory=WorkerSettings)
    split: SplitSettings | None = None
    guard: tuple[Path, ...] = ()
    """Suites that base and winner answer in the end; they decide nothing in the search."""
