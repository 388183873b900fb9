"""A suite's score: every case answered, every answer scored, and the mean."""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeper.data.template import Template
from sweeper.events import CaseAnswer
from sweeper.scoring.ask import render_prompts
from sweeper.scoring.assess import assess
from sweeper.scoring.cache import AnswerCache, Answers
from sweeper.scoring.decode import before_stop, sampler, stops_at
from sweeper.scoring.fingerprint import answers_key
from sweeper.scoring.generate import Decoding, Progress, answer_tokens, end_token_ids, no_progress, text_of
from sweeper.scoring.means import mean_score
from sweeper.scoring.suite import Suite

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BATCH_SIZE = 16
"""Cases answered at a time, in every trial alike: by its size a batch may change an answer, by rounding."""


@dataclass(frozen=True, slots=True)
class Score:
    """`score` is the mean over the scored cases, from 0 to 1; `answers` are in the suite's order.

    `wall_seconds` is what answering and scoring took, also where the answers come from the cache.
    """

    suite: str
    score: float | None
    wall_seconds: float
    answers: tuple[CaseAnswer, ...]
    prompt_tokens: int = 0
    answer_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Remembered:
    """Where the answers of one model are kept: its fingerprints, see fingerprint.py."""

    cache: AnswerCache
    base: str
    adapter: str


def score_suite(
    model: "PreTrainedModel",
    template: Template,
    suite: Suite,
    batch_size: int = BATCH_SIZE,
    progress: Progress = no_progress,
    remembered: Remembered | None = None,
) -> Score:
    """Answers `suite`, `batch_size` cases at a time in their order, and scores the answers.

    `model` follows Hugging Face's causal LM API; its train or eval mode, and all random state, is as
    before afterwards. Raises InputError for messages that the chat template does not take.
    """
    if suite.harness is not None:
        return _score_harness(model, template, suite, progress)
    prompts = render_prompts(template, suite)
    if remembered is None:
        return score_answers(suite, prompts, _answer(model, template, suite, prompts, batch_size, progress))
    settings = [suite.max_new_tokens, suite.temperature, suite.stop, suite.seed, batch_size]
    if suite.temperature:
        settings.append([case.id for case in suite.cases])
    if any(case.has_loss for case in suite.cases):
        settings.append([[case.expected, case.has_loss, case.is_answered] for case in suite.cases])
    ends = sorted(end_token_ids(model, template))
    key = answers_key(remembered.base, remembered.adapter, prompts, [*settings, ends])
    answers = remembered.cache.get(key)
    if answers is None or len(answers.texts) != len(prompts):
        answers = _answer(model, template, suite, prompts, batch_size, progress)
        remembered.cache.put(key, answers)
    else:
        progress(len(prompts), len(prompts))
    return score_answers(suite, prompts, answers)


def _score_harness(model: "PreTrainedModel", template: Template, suite: Suite, progress: Progress) -> Score:
    from sweeper.scoring.harness import harness_answers

    start = time.monotonic()
    answers = harness_answers(model, template, suite, progress)
    return Score(suite.name, mean_score(answers), time.monotonic() - start, answers)


def score_answers(suite: Suite, prompts: Sequence[str], answers: Answers) -> Score:
    """Scores the answers to all cases of `suite`, in their order, wherever they come from."""
    start = time.monotonic()
    losses = dict(answers.losses)
    triples = enumerate(zip(suite.cases, prompts, answers.texts, strict=True))
    answered = tuple(assess(case, prompt, text, losses.get(at)) for at, (case, prompt, text) in triples)
    return Score(
        suite=suite.name,
        score=mean_score(answered),
        wall_seconds=answers.wall_seconds + time.monotonic() - start,
        answers=answered,
        prompt_tokens=answers.prompt_tokens,
        answer_tokens=answers.answer_tokens,
    )


def _answer(
    model: "PreTrainedModel",
    template: Template,
    suite: Suite,
    prompts: list[str],
    batch_size: int,
    progress: Progress,
) -> Answers:
    start = time.monotonic()
    asked = [place for place, case in enumerate(suite.cases) if case.is_answered]
    token_ids = [template.token_ids(prompts[place]) for place in asked]
    answers = answer_tokens(model, token_ids, _decoding(model, template, suite, asked), batch_size, progress)
    texts = [""] * len(prompts)
    for place, answer in zip(asked, answers, strict=True):
        texts[place] = before_stop(text_of(template, answer), suite.stop)
    losses = _losses(model, template, suite, prompts)
    if not asked:
        progress(len(prompts), len(prompts))
    counts = sum(map(len, token_ids)), sum(map(len, answers))
    return Answers(tuple(texts), *counts, time.monotonic() - start, losses)


def _decoding(model: "PreTrainedModel", template: Template, suite: Suite, asked: Sequence[int]) -> Decoding:
    decoding = Decoding(
        end_ids=end_token_ids(model, template),
        max_new_tokens=suite.max_new_tokens,
        is_ended=stops_at(suite.stop, lambda tokens: text_of(template, tokens)),
    )
    if suite.temperature:
        drawn = sampler(suite.temperature, suite.seed, [suite.cases[place].id for place in asked])
        decoding = dataclasses.replace(decoding, choose=drawn)
    return decoding


def _losses(
    model: "PreTrainedModel", template: Template, suite: Suite, prompts: list[str]
) -> tuple[tuple[int, float], ...]:
    """By the case's place, where a case asks for it."""
    places = [place for place, case in enumerate(suite.cases) if case.has_loss]
    if not places:
        return ()
    from sweeper.scoring.case_loss import case_losses
    from sweeper.scoring.generate import evaluating

    with evaluating(model):
        found = case_losses(
            model, template, [suite.cases[place] for place in places], [prompts[place] for place in places]
        )
    return tuple(zip(places, found, strict=True))
