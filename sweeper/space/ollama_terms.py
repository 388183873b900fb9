"""What Ollama allows in a model's name and in its parameters (read in Ollama 0.32.15's sources)."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.wording import shown
from sweeper.space.yaml_file import FileModel

_NAME = re.compile(
    r"((?P<host>[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349})/(?=[^/]+/))?"
    r"((?P<namespace>[A-Za-z0-9_][A-Za-z0-9_-]{0,79})/)?"
    r"(?P<model>[A-Za-z0-9_][A-Za-z0-9_.-]{0,79})"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,59}))?"
)
"""Ollama takes tags of 80 characters; the last 20 are left for the tag of a candidate."""


def check_ollama_name(name: str) -> str:
    """The name, if Ollama allows it ([host/][namespace/]model[:tag]). Raises BrokenRule."""
    if _NAME.fullmatch(name):
        return name
    raise BrokenRule(
        f"is {shown(name)}, must be [host/][namespace/]model[:tag] as Ollama allows it: letters, digits, '_',"
        " '-' and '.' (none in a namespace), the first no '-' or '.', at most 80 characters (60 in a tag)",
        "Write for example `name: my-model`",
    )


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class OllamaParameters(FileModel):
    """Parameters of a Modelfile, under Ollama's names; what is not given stays Ollama's default."""

    num_ctx: int | None = Field(default=None, ge=1, examples=["4096"])
    num_predict: int | None = Field(default=None, ge=-2, examples=["256"])
    num_keep: int | None = Field(default=None, ge=-1, examples=["4"])
    seed: int | None = Field(default=None, examples=["0"])
    stop: Annotated[list[str] | None, BeforeValidator(_as_list, json_schema_input_type=str | list[str])] = (
        Field(default=None, examples=['["###"]'])
    )
    temperature: float | None = Field(default=None, ge=0, examples=["0"])
    top_k: int | None = Field(default=None, ge=0, examples=["40"])
    top_p: float | None = Field(default=None, ge=0, le=1, examples=["0.9"])
    min_p: float | None = Field(default=None, ge=0, le=1, examples=["0.05"])
    typical_p: float | None = Field(default=None, ge=0, le=1, examples=["1.0"])
    repeat_last_n: int | None = Field(default=None, ge=-1, examples=["64"])
    repeat_penalty: float | None = Field(default=None, gt=0, examples=["1.0"])
    presence_penalty: float | None = Field(default=None, examples=["0.0"])
    frequency_penalty: float | None = Field(default=None, examples=["0.0"])
    num_batch: int | None = Field(default=None, ge=1, examples=["512"])
    num_gpu: int | None = Field(default=None, ge=-1, examples=["99"])
    main_gpu: int | None = Field(default=None, ge=0, examples=["0"])
    num_thread: int | None = Field(default=None, ge=0, examples=["8"])
    use_mmap: bool | None = Field(default=None, examples=["true"])
    draft_num_predict: int | None = Field(default=None, ge=0, examples=["4"])
