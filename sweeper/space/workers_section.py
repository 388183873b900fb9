"""The `workers` section of a space file: where trials train, and how many at a time."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.wording import shown
from sweeper.space.yaml_file import FileModel

_LARGEST_COHORT = 64


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """`cohort` None is measured. `devices` are CUDA devices by number, none for the CPU, None what there is.

    `processes` share the CPU's threads; a CUDA device has one.
    """

    cohort: int | None = None
    processes: int = 1
    devices: tuple[int, ...] | None = None


def _cohort(raw: Any) -> int | None:
    if raw == "auto":
        return None
    if isinstance(raw, int) and not isinstance(raw, bool) and 1 <= raw <= _LARGEST_COHORT:
        return raw
    problem = f"is {shown(raw)}, must be auto or a whole number from 1 to {_LARGEST_COHORT}"
    raise BrokenRule(problem, "Write for example `cohort: 4`")


def _devices(raw: Any) -> tuple[int, ...] | None:
    if raw == "auto":
        return None
    if raw == "cpu":
        return ()
    if not isinstance(raw, list) or not raw:
        problem = f"is {shown(raw)}, must be auto, cpu or a list of CUDA devices by number"
        raise BrokenRule(problem, "Write for example `devices: [0, 1]`")
    for place, number in enumerate(raw):
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            problem = f"is {shown(number)}, must be the number of a CUDA device"
            raise BrokenRule(problem, "Write for example 0", (place,))
        if number in raw[:place]:
            raise BrokenRule(f"is {number} again", "Remove one of the two", (place,))
    return tuple(raw)


_CohortText = Annotated[int, Field(ge=1, le=_LARGEST_COHORT)] | Literal["auto"]
_DeviceList = Annotated[
    list[Annotated[int, Field(ge=0)]], Field(min_length=1, json_schema_extra={"uniqueItems": True})
]
_DevicesText = Literal["auto", "cpu"] | _DeviceList
"""As the file may be written, for the JSON schema."""


class WorkersSection(FileModel):
    cohort: Annotated[int | None, BeforeValidator(_cohort, json_schema_input_type=_CohortText)] = Field(
        default=None, examples=["auto"]
    )
    processes: int = Field(default=1, ge=1, examples=["1"])
    devices: Annotated[
        tuple[int, ...] | None, BeforeValidator(_devices, json_schema_input_type=_DevicesText)
    ] = Field(default=None, examples=["auto"])

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if self.processes > 1 and self.devices:
            problem = "has no effect where devices are named: each has one process"
            raise BrokenRule(problem, "Remove it, or write `devices: cpu`", ("processes",), at_key=True)
        return self

    @property
    def settings(self) -> WorkerSettings:
        return WorkerSettings(self.cohort, self.processes, self.devices)
