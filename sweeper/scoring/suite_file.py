"""The suite file as it may be written. `load_suite` makes a Suite of it."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, create_model, field_validator

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.yaml_file import FileModel

DEFAULT_MAX_NEW_TOKENS = 64
_MAX_SEED = 2**32 - 1


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _label(text: str) -> str:
    """A name that serves as a part of a metric's name in MLflow."""
    if not re.fullmatch(r"[A-Za-z0-9._-]+", text):
        raise BrokenRule(f"is {text!r}, must be letters, digits, '-', '_' and '.'", "Write another name")
    return text


def _labels(texts: list[str]) -> list[str]:
    for index, text in enumerate(texts):
        try:
            _label(text)
        except BrokenRule as broken:
            raise broken.under(index) from None
    return texts


Texts = Annotated[list[str], BeforeValidator(_as_list)]


class AssertionRecord(FileModel):
    """One entry of `assert`."""

    type: str = Field(examples=["contains"])
    value: Any = None
    weight: float = Field(default=1.0, ge=0, examples=["1"])
    threshold: float | None = Field(default=None, ge=0, le=1, examples=["0.8"])
    transform: Texts = Field(default=[], examples=["strip"])
    negate: bool = Field(default=False, examples=["true"])


class MessageRecord(FileModel):
    role: Literal["system", "user", "assistant"] = Field(examples=["user"])
    content: str = Field(examples=["Hello"])


class _CaseKeys(FileModel):
    id: str | None = Field(default=None, min_length=1, examples=["case-1"])
    instruction: str | None = Field(default=None, examples=["Add the numbers."])
    input: str | None = Field(default=None, examples=["'1 2'"])
    expected: str | None = Field(default=None, examples=["'3'"])
    output: str | None = Field(default=None, examples=["'3'"])
    messages: list[MessageRecord] | None = Field(
        default=None, min_length=1, examples=["[{role: user, content: Hello}]"]
    )
    vars: dict[str, Any] = Field(default={}, examples=["{name: value}"])
    tags: Texts = Field(default=[], examples=["[short]"])
    group: str | None = Field(default=None, min_length=1, examples=["text-1"])

    @field_validator("tags")
    @classmethod
    def _tags_name_metrics(cls, tags: list[str]) -> list[str]:
        return _labels(tags)


_ASSERT: Any = {
    "assert": (list[AssertionRecord], Field(default=[], examples=["[{type: contains, value: yes}]"]))
}
"""A word of Python's, so it cannot stand in a class body."""

CaseRecord = create_model("CaseRecord", __base__=_CaseKeys, **_ASSERT)
"""One case. A training row can stand as a case: its output is what is expected."""


class _DefaultKeys(FileModel):
    vars: dict[str, Any] = Field(default={}, examples=["{name: value}"])
    tags: Texts = Field(default=[], examples=["[short]"])

    @field_validator("tags")
    @classmethod
    def _tags_name_metrics(cls, tags: list[str]) -> list[str]:
        return _labels(tags)


DefaultsRecord = create_model("DefaultsRecord", __base__=_DefaultKeys, **_ASSERT)
"""What every case gets: variables and tags besides its own, assertions after its own."""


class DecodeRecord(FileModel):
    max_new_tokens: int = Field(default=DEFAULT_MAX_NEW_TOKENS, ge=1, examples=["64"])
    temperature: float = Field(default=0.0, ge=0, le=10, examples=["0"])
    stop: Texts = Field(default=[], max_length=16, examples=['["\\n"]'])
    seed: int = Field(default=0, ge=0, le=_MAX_SEED, examples=["0"])

    @field_validator("stop")
    @classmethod
    def _stops_at_something(cls, stop: list[str]) -> list[str]:
        if "" in stop:
            raise BrokenRule("is empty, and stands before every text", "Remove it", (stop.index(""),))
        return stop


SuiteName = Annotated[str, AfterValidator(_label)]


class _SuiteKeys(FileModel):
    name: SuiteName = Field(examples=["my-suite"])
    system: str | None = Field(default=None, min_length=1, examples=["You are brief."])
    prompts: Texts | None = Field(default=None, min_length=1, examples=["['Say {{word}}.']"])
    messages: list[MessageRecord] | None = Field(
        default=None, min_length=1, examples=["[{role: user, content: 'Say {{word}}.'}]"]
    )
    defaults: DefaultsRecord = DefaultsRecord()  # type: ignore[valid-type]
    decode: DecodeRecord = DecodeRecord()
    allow_code: bool = Field(default=False, examples=["true"])


class SuiteWithCases(_SuiteKeys):
    cases: list[CaseRecord] = Field(min_length=1, examples=["my-cases.jsonl"])  # type: ignore[valid-type]


class SuiteOfFile(_SuiteKeys):
    cases: str = Field(min_length=1, examples=["my-cases.jsonl"])
