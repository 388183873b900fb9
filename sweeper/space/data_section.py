"""The `data` section of a space file: how it may be written, and the settings it makes."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.data_settings import (
    DataSettings,
    FormatName,
    HeldOutShare,
    HubSet,
    RowFile,
    RowSource,
    TrainOn,
)
from sweeper.space.text_file import similar_file
from sweeper.space.wording import KeyPath, is_number, shown
from sweeper.space.yaml_file import FileModel, YamlFile

HUB = "hub:"
ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
"""Files of rows that can be read."""

_HUB_ID = re.compile(r"(\w[\w.-]*/)?\w[\w.-]*", re.ASCII)
_MAX_SEED = 2**32 - 1


def path_text(text: str) -> str:
    """A text that can be a path. Raises BrokenRule."""
    if text.isprintable() and text.strip():
        return text
    raise BrokenRule(f"is {shown(text)}, must be a path", "Write it relative to the space file, or absolute")


def _source_text(text: str) -> str:
    if not text.startswith(HUB):
        return path_text(text)
    name = text.removeprefix(HUB)
    if _is_folder(name) or _HUB_ID.fullmatch(name):
        return text
    address = re.fullmatch(r"https?://[^/]+/(?:datasets/)?([\w.-]+/[\w.-]+)/?", name)
    fix = f"Write {HUB}{address[1]}" if address else f"Write for example {HUB}org/name"
    raise BrokenRule(f"is {shown(text)}, must be a data set's id behind '{HUB}'", fix)


def _validation(value: Any) -> Any:
    """A source or a share. A number that is no share, and any other kind of value, raises BrokenRule."""
    if isinstance(value, str) and not is_number(value):
        return _source_text(value)
    if isinstance(value, str):
        raise BrokenRule(f"is {shown(value)}, must be a number", f"Write {value.strip()} without quotes")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BrokenRule(
            f"is {shown(value)}, must be a file or a share of the training rows",
            "Write for example `validation: 0.1`",
        )
    if not 0 < value < 1:
        fix = "Write for example `validation: 0.1`"
        raise BrokenRule(f"is {value}, must be a share greater than 0 and less than 1", fix)
    return float(value)


SourceText = Annotated[str, AfterValidator(_source_text)]
PathText = Annotated[str, AfterValidator(path_text)]
_Share = Annotated[float, Field(gt=0, lt=1)]


class DataSection(FileModel):
    train: SourceText = Field(examples=["train.jsonl"])
    subset: str | None = Field(default=None, min_length=1, examples=["en"])
    split: str | None = Field(default=None, min_length=1, examples=["train"])
    validation: (
        Annotated[str | float, BeforeValidator(_validation, json_schema_input_type=str | _Share)] | None
    ) = Field(default=None, examples=["0.1"])
    validation_split: str | None = Field(default=None, min_length=1, examples=["validation"])
    validation_seed: int | None = Field(default=None, ge=0, le=_MAX_SEED, examples=["0"])
    format: FormatName | None = Field(default=None, examples=["chat"])
    train_on: TrainOn | None = Field(default=None, examples=["completion"])
    limit: int | None = Field(default=None, ge=1, examples=["1000"])
    template: PathText | None = Field(default=None, examples=["template.jinja"])
    allow_overlap: bool = Field(default=False, examples=["true"])

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        from_hub = self.train.startswith(HUB)
        validation_from_hub = isinstance(self.validation, str) and self.validation.startswith(HUB)
        if self.subset is not None and not from_hub:
            raise _without_effect("subset", f"where train does not begin with '{HUB}'")
        if self.split is not None and not from_hub:
            raise _without_effect("split", f"where train does not begin with '{HUB}'")
        if self.validation_split is not None and not validation_from_hub:
            raise _without_effect("validation_split", f"where validation does not begin with '{HUB}'")
        if self.validation_seed is not None and not isinstance(self.validation, float):
            raise _without_effect("validation_seed", "where validation is no share")
        if self.format == "text" and self.train_on == "completion":
            problem = "is 'completion', but rows of text have none, must be 'all'"
            raise BrokenRule(problem, "Write all or remove the line", ("train_on",))
        return self


def _without_effect(key: str, where: str) -> BrokenRule:
    return BrokenRule(f"has no effect {where}", "Remove it", (key,), at_key=True)


def data_settings(file: YamlFile, section: DataSection) -> DataSettings:
    """The settings that a section makes. Raises InputError for a file that is not there."""
    return DataSettings(
        train=_source(file, "train", section.train, section.subset, section.split or "train"),
        validation=_validation_of(file, section),
        format=section.format,
        train_on=section.train_on,
        limit=section.limit,
        template=None if section.template is None else existing_file(file, _at("template"), section.template),
        allow_overlap=section.allow_overlap,
    )


def _validation_of(file: YamlFile, section: DataSection) -> RowSource | HeldOutShare | None:
    match section.validation:
        case None:
            return None
        case str(text):
            split = section.validation_split or "validation"
            source = _source(file, "validation", text, section.subset, split)
            _refuse_the_same(file, text, source, section)
            return source
        case share:
            return HeldOutShare(share, section.validation_seed or 0)


def _refuse_the_same(file: YamlFile, text: str, source: RowSource, section: DataSection) -> None:
    train = _source(file, "train", section.train, section.subset, section.split or "train")
    same = source == train
    if isinstance(source, RowFile) and isinstance(train, RowFile):
        same = source.path.samefile(train.path)
    if same:
        problem = f"is '{text}', the same rows as train, must be rows that are not trained on"
        raise file.error(_at("validation"), problem, "Write a share to hold out, for example 0.1")


def _source(file: YamlFile, key: str, text: str, subset: str | None, split: str) -> RowSource:
    if not text.startswith(HUB):
        path = existing_file(file, _at(key), text)
        if path.suffix.lower() not in ENDINGS:
            problem = f"is '{text}', and its ending tells no format, must be one of {', '.join(ENDINGS)}"
            raise file.error(_at(key), problem, "Name the file by what it holds")
        return RowFile(path)
    name = text.removeprefix(HUB)
    if not _is_folder(name):
        return HubSet(name, subset, split)
    folder = _absolute(file, name)
    if not folder.is_dir():
        raise file.error(_at(key), f"is '{text}', and there is no folder {folder}", similar_file(folder))
    return HubSet(str(folder), subset, split)


def existing_file(file: YamlFile, key_path: KeyPath, text: str) -> Path:
    """The absolute path of a file that the space file names. Raises InputError where there is none."""
    path = _absolute(file, text)
    if path.is_file():
        return path
    if path.is_dir():
        raise file.error(key_path, f"is '{text}', a folder, must be a file", "Name a file in it")
    raise file.error(key_path, f"is '{text}', and there is no file {path}", similar_file(path))


def _absolute(file: YamlFile, text: str) -> Path:
    folder = Path(os.path.abspath(file.path)).parent
    return Path(os.path.abspath(folder / os.path.expanduser(text)))


def _is_folder(name: str) -> bool:
    return name.startswith(("/", "./", "../", "~"))


def _at(key: str) -> KeyPath:
    return ("data", key)
