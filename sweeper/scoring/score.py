"""A suite's score: every case answered, every answer scored, and the mean."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeper.data.template import Template
from sweeper.events import CaseAnswer
from sweeper.scoring.ask import render_prompts
from sweeper.scoring.assess import assess
from sweeper.scoring.decode import before_stop, likeliest, sampler, stops_at
from sweeper.scoring.generate import Decoding, Progress, answer_tokens, end_token_ids, no_progress, text_of
from sweeper.scoring.means import mean_score
from sweeper.scoring.suite import Suite

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BATCH_SIZE = 16
"""Cases answered at a time, in every trial alike: by its size a batch may change an answer, by rounding."""


@dataclass(frozen=True, slots=True)
class Score:
    """`score` is the mean over the scored cases, from 0 to 1; `answers` are in the suite's order."""

    suite: str
    score: float | None
    wall_seconds: float
    answers: tuple[CaseAnswer, ...]
    prompt_tokens: int = 0
    answer_tokens: int = 0


def score_suite(
    model: "PreTrainedModel",
    template: Template,
    suite: Suite,
    batch_size: int = BATCH_SIZE,
    progress: Progress = no_progress,
) -> Score:
    """Answers `suite`, `batch_size` cases at a time in their order, and scores the answers.

    `model` follows Hugging Face's causal LM API; its train or eval mode, and all random state, is as
    before afterwards. Raises InputError for messages that the chat template does not take.
    """
    start = time.monotonic()
    prompts = render_prompts(template, suite)
    token_ids = [template.token_ids(prompt) for prompt in prompts]
    decoding = _decoding(model, template, suite)
    answers = answer_tokens(model, token_ids, decoding, batch_size, progress)
    texts = [before_stop(text_of(template, answer), suite.stop) for answer in answers]
    answered = assess_all(suite, prompts, texts)
    return Score(
        suite=suite.name,
        score=mean_score(answered),
        wall_seconds=time.monotonic() - start,
        answers=answered,
        prompt_tokens=sum(map(len, token_ids)),
        answer_tokens=sum(map(len, answers)),
    )


def assess_all(suite: Suite, prompts: Sequence[str], texts: Sequence[str]) -> tuple[CaseAnswer, ...]:
    """Scores the answers to all cases of `suite`, in their order."""
    triples = zip(suite.cases, prompts, texts, strict=True)
    return tuple(assess(case, prompt, text) for case, prompt, text in triples)


def _decoding(model: "PreTrainedModel", template: Template, suite: Suite) -> Decoding:
    case_ids = [case.id for case in suite.cases]
    return Decoding(
        end_ids=end_token_ids(model, template),
        max_new_tokens=suite.max_new_tokens,
        choose=sampler(suite.temperature, suite.seed, case_ids) if suite.temperature else likeliest,
        is_ended=stops_at(suite.stop, lambda token_ids: text_of(template, token_ids)),
    )
