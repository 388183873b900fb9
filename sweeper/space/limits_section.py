"""The `limits` section of a space file: how much memory a trial may take."""

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.memory_size import memory_bytes
from sweeper.space.wording import shown
from sweeper.space.yaml_file import FileModel

_MOST_HEADROOM = 0.5
_DEFAULT_HEADROOM = 0.05


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """`gpu_memory_bytes` of each device in turn, of one for all, or None: what the GPU says, if there is one.

    The share `headroom` of it stays free, for what a prediction is wrong by.
    """

    gpu_memory_bytes: tuple[int, ...] | None = None
    headroom: float = _DEFAULT_HEADROOM


def _gpu_memory(value: Any) -> tuple[int, ...] | None:
    if value == "auto":
        return None
    if isinstance(value, list):
        if not value:
            raise BrokenRule("is an empty list, must hold a size for each device", "Write `[24GB, 24GB]`")
        return tuple(_size(one, (index,)) for index, one in enumerate(value))
    return (_size(value, ()),)


def _size(value: Any, at: tuple[int, ...]) -> int:
    size = memory_bytes(value) if isinstance(value, str) else None
    if size is not None:
        return size
    fix = f"Write {value}GB, with its unit" if _bare_number(value) else "Write for example 24GB"
    rule = "must be a size such as 24GB or 24GiB" + ("" if at else ", or auto")
    raise BrokenRule(f"is {shown(value)}, {rule}", fix, at)


def _bare_number(value: Any) -> bool:
    return not isinstance(value, bool) and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", str(value)) is not None


def _headroom(value: Any) -> float:
    share: float | None = None
    if isinstance(value, str) and (found := re.fullmatch(r"\s*(\d{1,3}(?:\.\d{1,9})?)\s*%\s*", value)):
        share = float(found[1]) / 100
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        share = float(value)
    if share is None or not 0 <= share <= _MOST_HEADROOM:
        rule = f"must be a share from 0% to {_MOST_HEADROOM:.0%}"
        raise BrokenRule(f"is {shown(value)}, {rule}", "Write for example 5%")
    return share


_SIZE_SCHEMA = {"type": "string", "pattern": r"^\s*\d{1,9}(\.\d{1,9})?\s*([kKmMgGtT][iI]?)?[bB]\s*$"}
_MEMORY_SCHEMA = {
    "anyOf": [{"const": "auto"}, _SIZE_SCHEMA, {"type": "array", "items": _SIZE_SCHEMA, "minItems": 1}]
}
_HEADROOM_SCHEMA = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": _MOST_HEADROOM},
        {"type": "string", "pattern": r"^\s*(50(\.0{1,9})?|[0-4]?\d(\.\d{1,9})?)\s*%\s*$"},
    ]
}


class LimitsSection(FileModel):
    gpu_memory: Annotated[
        tuple[int, ...] | None, BeforeValidator(_gpu_memory), WithJsonSchema(_MEMORY_SCHEMA)
    ] = Field(default=None, examples=["24GB"])
    headroom: Annotated[float, BeforeValidator(_headroom), WithJsonSchema(_HEADROOM_SCHEMA)] = Field(
        default=_DEFAULT_HEADROOM, examples=["5%"]
    )

    @property
    def settings(self) -> LimitSettings:
        return LimitSettings(self.gpu_memory, self.headroom)
