"""The `search` section of a space file: how trials are proposed, stopped and chosen."""

import dataclasses
import itertools
import re
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.early_stopping import EarlyStoppingSettings
from sweeper.space.objective import AUTO, ObjectiveField
from sweeper.space.pruner import HALVING, TRAIN_ALL, PrunerName, PrunerSettings
from sweeper.space.space import SamplerName, SearchSettings
from sweeper.space.wording import shown
from sweeper.space.yaml_file import FileModel

_MAX_SEED = 2**32 - 1  # what numpy's random state takes
_NOT_FOR: dict[PrunerName, tuple[str, ...]] = {
    "halving": (),
    "asha": ("finalists",),
    "none": ("finalists", "rungs", "reduction_factor"),
}
"""Keys that a type of pruner would ignore."""


def _wall_seconds(raw: Any) -> float:
    """Seconds in a text such as 2h, 90m, 1h30m or 45s."""
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", str(raw).strip())
    parts = [float(part or 0) for part in match.groups()] if match else [0.0]
    seconds = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    if isinstance(raw, str) and seconds > 0:
        return seconds
    number = isinstance(raw, (int, float)) and not isinstance(raw, bool) and raw > 0
    fix = f"Write {raw}h or {raw}m" if number else "Write for example 2h, 90m or 1h30m"
    raise BrokenRule(f"is {shown(raw)}, must be a time with its unit", fix)


def _rungs(raw: Any) -> tuple[Fraction, ...]:
    """Rising shares of a trial, each above 0, the last one 1."""
    if not isinstance(raw, list) or not raw:
        raise BrokenRule(f"is {shown(raw)}, must be a list of shares", "Write for example [1/9, 1/3, 1]")
    rungs = [_share(value, place) for place, value in enumerate(raw)]
    for place, (lower, upper) in enumerate(itertools.pairwise(rungs), start=1):
        if upper <= lower:
            problem = f"is {upper}, must be greater than the one before it"
            raise BrokenRule(problem, "Put the rungs into rising order", (place,))
    if rungs[-1] != 1:
        problem = f"is {rungs[-1]}, must be 1: the last rung is a trial's end"
        raise BrokenRule(problem, "Add `1` at the end", (len(rungs) - 1,))
    return tuple(rungs)


def _share(raw: Any, place: int) -> Fraction:
    is_text = isinstance(raw, str) and re.fullmatch(r"\s*\d+\s*/\s*\d*[1-9]\d*\s*", raw)
    is_number = isinstance(raw, (int, float)) and not isinstance(raw, bool)
    try:
        share = Fraction(raw.replace(" ", "")) if is_text else Fraction(str(raw)) if is_number else None
    except ValueError:  # nan and inf
        share = None
    if share is not None and 0 < share <= 1:
        return share
    problem = f"is {shown(raw)}, must be a share of a trial, above 0 and at most 1"
    raise BrokenRule(problem, "Write for example 1/9 or 0.25", (place,))


def _wave(raw: Any) -> int | Literal["auto"]:
    if raw == "auto" or (isinstance(raw, int) and not isinstance(raw, bool) and raw >= 1):
        return raw  # type: ignore[no-any-return]
    problem = f"is {shown(raw)}, must be auto or a whole number of at least 1"
    raise BrokenRule(problem, "Write for example `wave: 9`")


def _pruner(raw: Any) -> Any:
    """`pruner: none` stands for `pruner: {type: none}`."""
    return {"type": raw} if isinstance(raw, str) else raw


_ShareText = (
    Annotated[float, Field(gt=0, le=1)] | Annotated[str, Field(pattern=r"^\s*\d+\s*/\s*\d*[1-9]\d*\s*$")]
)
_RungsText = Annotated[list[_ShareText], Field(min_length=1)]
_TimeText = Annotated[
    str, Field(pattern=r"^\s*(?=\S*[1-9])(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?\s*$")
]
"""As the file may be written, for the JSON schema."""

_WaveText = Annotated[int, Field(ge=1)] | Literal["auto"]


class PrunerSection(FileModel):
    type: PrunerName = Field(default="halving", examples=["halving"])
    reduction_factor: int = Field(default=3, ge=2, examples=["3"])
    rungs: Annotated[tuple[Fraction, ...], BeforeValidator(_rungs, json_schema_input_type=_RungsText)] = (
        Field(default=HALVING.rungs, examples=["[1/9, 1/3, 1]"])
    )
    finalists: int = Field(default=2, ge=1, examples=["2"])
    wave: Annotated[int | Literal["auto"], BeforeValidator(_wave, json_schema_input_type=_WaveText)] = Field(
        default="auto", examples=["9"]
    )

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        for key in _NOT_FOR[self.type]:
            if key in self.model_fields_set:
                problem = f"has no effect where type is {self.type}"
                raise BrokenRule(problem, "Remove it, or write `type: halving`", (key,), at_key=True)
        is_named = "finalists" in self.model_fields_set
        if is_named and isinstance(self.wave, int) and self.wave < self.finalists:
            problem = f"is {self.finalists}, must be at most the wave, which is {self.wave}"
            raise BrokenRule(problem, f"Write {self.wave}", ("finalists",))
        return self

    def settings(self) -> PrunerSettings:
        """Without `auto`: nine for halving; one elsewhere, where a proposal may learn from each trial."""
        auto = HALVING.wave if self.type == "halving" else TRAIN_ALL.wave
        wave = auto if self.wave == "auto" else self.wave
        if self.type == "none":
            return dataclasses.replace(TRAIN_ALL, wave=wave)
        return PrunerSettings(self.type, self.reduction_factor, self.rungs, self.finalists, wave)


class EarlyStoppingSection(FileModel):
    patience: int | None = Field(default=None, ge=1, examples=["3"])
    threshold: float = Field(default=0, ge=0, examples=["0.01"])
    overfit: float | None = Field(default=None, gt=0, examples=["0.1"])

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if self.patience is None and self.overfit is None:
            problem = "is an empty mapping, must say when to stop"
            raise BrokenRule(problem, "Write for example `early_stopping: {patience: 3}`")
        if self.patience is None and "threshold" in self.model_fields_set:
            fix = "Remove it, or add for example `patience: 3`"
            raise BrokenRule("has no effect without patience", fix, ("threshold",), at_key=True)
        return self

    def settings(self) -> EarlyStoppingSettings:
        return EarlyStoppingSettings(self.patience, self.threshold, self.overfit)


class SearchSection(FileModel):
    trials: int = Field(default=9, ge=1, examples=["9"])
    seed: int = Field(default=0, ge=0, le=_MAX_SEED, examples=["0"])
    sampler: SamplerName = Field(default="tpe", examples=["tpe"])
    pruner: Annotated[
        PrunerSection, BeforeValidator(_pruner, json_schema_input_type=PrunerName | PrunerSection)
    ] = Field(default_factory=PrunerSection, examples=["halving"])
    early_stopping: EarlyStoppingSection | None = Field(default=None, examples=["{patience: 3}"])
    objective: ObjectiveField = Field(default=AUTO, examples=["score"])
    wall_time: Annotated[float, BeforeValidator(_wall_seconds, json_schema_input_type=_TimeText)] | None = (
        Field(default=None, examples=["2h"])
    )

    def settings(self) -> SearchSettings:
        """What the rest of sweeper sees of the section."""
        return SearchSettings(
            self.trials,
            self.seed,
            self.sampler,
            pruner=self.pruner.settings(),
            objective=self.objective,
            wall_seconds=self.wall_time,
            early_stopping=self.early_stopping.settings() if self.early_stopping else None,
        )
