"""What a sweep trains on, as the rest of sweeper sees it: checked, with absolute paths."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FormatName = Literal["instruction", "chat", "prompt_completion", "text"]
TrainOn = Literal["completion", "all"]


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file of rows; its ending says how it is read."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class HubSet:
    """A data set as `datasets.load_dataset` takes it: `source` is a hub id or a folder."""

    source: str
    subset: str | None
    split: str

    def __str__(self) -> str:
        subset = f"/{self.subset}" if self.subset else ""
        return f"hub:{self.source}{subset}[{self.split}]"


RowSource = RowFile | HubSet


@dataclass(frozen=True, slots=True)
class HeldOutShare:
    """A share of the training rows, above 0 and below 1, that is drawn by `seed` and never trained on."""

    share: float
    seed: int


@dataclass(frozen=True, slots=True)
class DataSettings:
    """`format` None is told by the rows; `train_on` None is what fits the format.

    `limit` is how many rows are read of `train`, from its beginning, before a share is held out.
    `template` is a Jinja chat template that takes the place of the model's own. `allow_overlap` lets
    cases of evaluation.test stand among the training rows.
    """

    train: RowSource
    validation: RowSource | HeldOutShare | None = None
    format: FormatName | None = None
    train_on: TrainOn | None = None
    limit: int | None = None
    template: Path | None = None
    allow_overlap: bool = False
