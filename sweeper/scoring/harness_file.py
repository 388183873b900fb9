"""A suite of lm-evaluation-harness' tasks as it may be written."""

import hashlib
import importlib.util
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from sweeper.errors import InputError
from sweeper.scoring.suite import HarnessTasks, Suite
from sweeper.scoring.suite_file import SuiteName, Texts
from sweeper.space.text_file import read_text, similar_file
from sweeper.space.yaml_file import FileModel, YamlFile, check

LM_EVAL = "lm-eval"
_ENDINGS = (".yaml", ".yml")


class HarnessFile(FileModel):
    name: SuiteName = Field(examples=["my-suite"])
    type: Literal["lm-eval"] = Field(examples=[LM_EVAL])
    tasks: Texts = Field(min_length=1, examples=["[arc_easy]"])
    limit: int | None = Field(default=None, ge=1, examples=["100"])
    num_fewshot: int | None = Field(default=None, ge=0, examples=["0"])
    apply_chat_template: bool = Field(default=False, examples=["true"])


def is_harness_file(data: dict[str, Any]) -> bool:
    return "type" in data


def load_harness_suite(file: YamlFile) -> Suite:
    """The suite of such a file. A task is a name, or the path of a task's own .yaml file.

    Raises InputError also where the harness is not installed; it is looked for and not imported.
    """
    written = check(file, HarnessFile)
    if importlib.util.find_spec("lm_eval") is None:
        problem = f"'{written.name}' is of type lm-eval, and lm-evaluation-harness is not installed"
        raise InputError(file.place(("type",)), problem, "Run `pip install 'sweeper[lm-eval]'`")
    paths = {
        index: _task_file(file, index, task)
        for index, task in enumerate(written.tasks)
        if task.endswith(_ENDINGS)
    }
    tasks = [str(paths.get(index, task)) for index, task in enumerate(written.tasks)]
    contents = [hashlib.sha256(read_text(path).encode()).hexdigest() for path in paths.values()]
    harness = HarnessTasks(
        tuple(tasks), tuple(contents), written.limit, written.num_fewshot, written.apply_chat_template
    )
    return Suite(written.name, file.path, (), 0, harness=harness)


def _task_file(file: YamlFile, index: int, text: str) -> Path:
    path = Path(os.path.abspath(file.path.parent / os.path.expanduser(text)))
    if not path.is_file():
        problem = f"is '{text}', and there is no file {path}"
        raise file.error(("tasks", index), problem, similar_file(path))
    return path
