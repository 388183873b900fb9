"""A suite's score: every case answered, every answer scored, and the mean."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeper.data.template import Template
from sweeper.events import CaseAnswer
from sweeper.scoring.generate import Progress, greedy_answers, no_progress
from sweeper.scoring.scorers import SCORERS
from sweeper.scoring.suite import Suite

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class Score:
    """`score` is the mean over the cases, from 0 to 1; `answers` are in the suite's order."""

    suite: str
    score: float
    wall_seconds: float
    answers: tuple[CaseAnswer, ...]


def score_suite(
    model: "PreTrainedModel",
    template: Template,
    suite: Suite,
    batch_size: int = 16,
    progress: Progress = no_progress,
) -> Score:
    """Answers `suite` greedily, `batch_size` cases at a time in their order, and scores the answers.

    `model` follows Hugging Face's causal LM API; its train or eval mode is as before afterwards.
    """
    start = time.monotonic()
    prompts = [template.prompt(case.instruction, case.input) for case in suite.cases]
    texts = greedy_answers(model, template, prompts, suite.max_new_tokens, batch_size, progress)
    equals = SCORERS["equals"]
    answers = tuple(
        CaseAnswer(case.id, prompt, text, case.expected, equals(text, case.expected))
        for case, prompt, text in zip(suite.cases, prompts, texts, strict=True)
    )
    mean = sum(answer.score for answer in answers) / len(answers)
    return Score(suite.name, mean, time.monotonic() - start, answers)
