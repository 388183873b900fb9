"""Tasks of lm-evaluation-harness, asked of a model in memory. The only place that imports lm_eval.

It is an optional extra, for it brings two dozen packages and a hundred megabytes of tasks.
"""

import contextlib
import io
import logging
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.data.template import Template
from sweeper.errors import InputError, SweepError
from sweeper.events import AssertionResult, CaseAnswer
from sweeper.scoring.generate import Progress, evaluating
from sweeper.scoring.suite import HarnessTasks, Suite
from sweeper.scoring.visible import one_line
from sweeper.space.suggest import did_you_mean

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BATCH_SIZE = 16
LABEL = "lm-eval:"
"""Before a metric's name, where an assertion's type stands."""
_FEWSHOT_SEED = 1234
"""The harness' own default."""


def harness_answers(
    model: "PreTrainedModel", template: Template, suite: Suite, progress: Progress
) -> tuple[CaseAnswer, ...]:
    """An answer for each document of each task, called TASK/NUMBER and tagged by its task.

    A document's score is the task's first metric that gives each document a number from 0 to 1 and is
    better when higher, behind the task's first filter. Modes and random states are as before afterwards.
    Raises InputError for a task without such a metric, SweepError where the harness fails, as where a
    data set cannot be had.
    """
    assert suite.harness is not None, "it is asked of such suites alone"
    with evaluating(model), _as_before(), _quiet():
        try:
            found = _evaluate(model, template, suite.harness)
        except Exception as error:  # tasks are code of others: whatever it raises is told in one line
            told = one_line(f"{type(error).__name__}: {error}", 300)
            raise SweepError(f"{suite.path}: lm-evaluation-harness failed: {told}") from None
    answers = [
        answer
        for task, samples in found["samples"].items()
        for answer in _answers_of(suite, task, samples, found["higher_is_better"].get(task, {}))
    ]
    progress(len(answers), len(answers))
    return tuple(answers)


def refuse_unknown_tasks(suite: Suite, known: Collection[str] | None = None) -> None:
    """Raises InputError for a task that the harness does not know: `known`, or all it has.

    Listing those takes seconds, so nothing is listed where all tasks are files.
    """
    harness = suite.harness
    named = [task for task in harness.tasks if not Path(task).is_absolute()] if harness else []
    for task in named:
        known = known if known is not None else _known_tasks()
        if task not in known:
            fix = did_you_mean(task, list(known), "`lm-eval ls tasks` lists them")
            raise InputError(f"{suite.path}: tasks", f"the harness has no task '{task}'", fix)


def _known_tasks() -> Collection[str]:
    from lm_eval.tasks import TaskManager

    with _quiet():
        return set(TaskManager().task_index)


def _evaluate(model: "PreTrainedModel", template: Template, harness: HarnessTasks) -> Any:
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_defaults=not all(Path(task).is_absolute() for task in harness.tasks))
    loaded: Any = {"tasks": {}, "groups": {}, "group_map": {}}
    for task in harness.tasks:
        # A task's own file names its data relative to where it lies.
        folder = Path(task).parent if Path(task).is_absolute() else Path()
        with contextlib.chdir(folder):
            for part, entries in manager.load(task).items():
                loaded[part].update(entries)
    for each in loaded["tasks"].values():
        each.set_fewshot_seed(seed=_FEWSHOT_SEED)
        if harness.num_fewshot is not None:
            each.set_config(key="num_fewshot", value=harness.num_fewshot)
    return evaluate(
        HFLM(pretrained=model, tokenizer=template.tokenizer, batch_size=BATCH_SIZE),
        loaded,
        limit=harness.limit,
        bootstrap_iters=0,
        apply_chat_template=harness.apply_chat_template,
    )


def _answers_of(
    suite: Suite, task: str, samples: Sequence[Mapping[str, Any]], is_better_higher: Mapping[str, Any]
) -> Iterator[CaseAnswer]:
    first = [sample for sample in samples if sample["filter"] == samples[0]["filter"]]
    metric = next((name for name in samples[0]["metrics"] if _serves(first, name, is_better_higher)), None)
    if metric is None:
        problem = f"the task '{task}' has no metric from 0 to 1 for each document"
        raise InputError(str(suite.path), problem, "Name another task")
    for sample in first:
        score = float(sample[metric])
        answer, expected = _said(sample), str(sample["target"])
        result = AssertionResult(f"{LABEL}{metric}", score, f"{metric} {score:.3g}, by the harness")
        prompt = str(sample["arguments"][0][0])
        yield CaseAnswer(
            f"{task}/{sample['doc_id']}", prompt, answer, expected, score, (result,), (_tag(task),)
        )


def _tag(task: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in task)


def _serves(samples: Sequence[Mapping[str, Any]], name: str, is_better_higher: Mapping[str, Any]) -> bool:
    """Whether a metric gives each document a number from 0 to 1, and a higher one is better."""
    values = [sample.get(name) for sample in samples]
    are_shares = all(isinstance(value, (bool, int, float)) and 0 <= value <= 1 for value in values)
    return are_shares and bool(is_better_higher.get(name))


def _said(sample: Mapping[str, Any]) -> str:
    """What was generated; of a choice, the option that the model finds likeliest."""
    replies = sample["filtered_resps"]
    if all(isinstance(reply, (tuple, list)) and len(reply) == 2 for reply in replies) and len(replies) > 1:
        likeliest = max(range(len(replies)), key=lambda place: replies[place][0])
        return str(sample["arguments"][likeliest][1])
    return str(replies[0])


@contextlib.contextmanager
def _as_before() -> Iterator[None]:
    """Python's, numpy's and torch's random states are restored."""
    import numpy as np
    import torch

    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The harness logs and draws bars to stderr."""
    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
