"""The `evaluation` section of a space file: which suites are asked, and what for."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.data_section import PathText, existing_file
from sweeper.space.wording import KeyPath
from sweeper.space.yaml_file import FileModel, YamlFile

DEFAULT_GUARD = "default"
_NO_GUARD = "none"
SANITY_SUITE = Path(__file__).parents[1] / "scoring" / "suites" / "sanity.yaml"
"""The guard suite that ships. It lies in the package, for an installed sweeper has no evaluation/."""
_MAX_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """One file that holds dev and test: about the share `test` of its cases, drawn by `seed`, are test."""

    test: float = 0.5
    seed: int = 0


@dataclass(frozen=True, slots=True)
class SuitePaths:
    """The suites of a space as files. With a `split`, dev and test are the same one."""

    dev: tuple[Path, ...]
    test: Path | None
    split: SplitSettings | None
    guard: tuple[Path, ...]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class SplitSection(FileModel):
    suite: PathText = Field(examples=["cases.yaml"])
    test: float = Field(default=0.5, gt=0, lt=1, examples=["0.5"])
    seed: int = Field(default=0, ge=0, le=_MAX_SEED, examples=["0"])


_PathsText = str | Annotated[list[str], Field(min_length=1)]
"""As the file may be written, for the JSON schema."""
_Paths = Annotated[list[PathText], BeforeValidator(_as_list, json_schema_input_type=_PathsText)]
_ONE_WAY: Any = [{"required": ["dev"]}, {"required": ["split"], "not": {"required": ["test"]}}]


class EvaluationSection(FileModel):
    model_config = ConfigDict(json_schema_extra={"oneOf": _ONE_WAY})

    dev: _Paths | None = Field(default=None, min_length=1, examples=["dev.yaml"])
    test: PathText | None = Field(default=None, examples=["test.yaml"])
    split: SplitSection | None = Field(default=None, examples=["{suite: cases.yaml}"])
    guard: _Paths = Field(default=[DEFAULT_GUARD], min_length=1, examples=[DEFAULT_GUARD])

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.split is None and self.dev is None:
            raise BrokenRule("is missing", "Add it, for example `dev: dev.yaml`", ("dev",), at_key=True)
        for key in ("dev", "test"):
            if self.split is not None and getattr(self, key) is not None:
                problem = "excludes split, which takes dev and test from one file"
                raise BrokenRule(problem, "Keep one of the two", (key,), at_key=True)
        if _NO_GUARD in self.guard and len(self.guard) > 1:
            at = ("guard", self.guard.index(_NO_GUARD))
            raise BrokenRule("is 'none', must stand alone", "Remove it, or write `guard: none`", at)
        return self


def suite_paths(file: YamlFile, section: EvaluationSection) -> SuitePaths:
    """Where the suites lie. Raises InputError for a file that is not there, or that serves twice."""
    if section.split is not None:
        path = existing_file(file, ("evaluation", "split", "suite"), section.split.suite)
        split = SplitSettings(section.split.test, section.split.seed)
        return SuitePaths((path,), path, split, _guard(file, section, path))
    assert section.dev is not None, "the section is refused without one"
    dev = _listed(file, "dev", section.dev)
    test = _test(file, section.test, dev)
    return SuitePaths(dev, test, None, _guard(file, section, test))


def _listed(file: YamlFile, key: str, texts: list[str]) -> tuple[Path, ...]:
    at: KeyPath = ("evaluation", key)
    if isinstance(file.data["evaluation"].get(key), str):
        return (existing_file(file, at, texts[0]),)
    return tuple(existing_file(file, (*at, index), text) for index, text in enumerate(texts))


def _test(file: YamlFile, text: str | None, dev: tuple[Path, ...]) -> Path | None:
    if text is None:
        return None
    test = existing_file(file, ("evaluation", "test"), text)
    if any(test.samefile(suite) for suite in dev):
        problem = f"is '{text}', the same file as dev, must hold cases that the search never sees"
        raise file.error(("evaluation", "test"), problem, "Name another file, or use `split`")
    return test


def _guard(file: YamlFile, section: EvaluationSection, test: Path | None) -> tuple[Path, ...]:
    """Those that the file names, and `default` as the suite that ships."""
    if section.guard == [_NO_GUARD]:
        return ()
    found = []
    for index, text in enumerate(section.guard):
        is_one = isinstance(file.data["evaluation"].get("guard"), str)
        at: KeyPath = ("evaluation", "guard") if is_one else ("evaluation", "guard", index)
        path = SANITY_SUITE if text == DEFAULT_GUARD else existing_file(file, at, text)
        if test is not None and path.samefile(test):
            problem = f"is '{text}', the same file as test, which is not looked at unasked"
            raise file.error(at, problem, "Name another file")
        found.append(Path(os.path.abspath(path)))
    return tuple(dict.fromkeys(found))
