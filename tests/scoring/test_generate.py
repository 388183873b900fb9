"""Batched greedy answers equal transformers' own, one at a time, on a tiny model with random weights."""

import dataclasses
import random
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sweeper.data.template import template_of
from sweeper.scoring import generate
from sweeper.scoring.generate import end_token_ids, greedy_tokens, text_of
from tests.scoring.one_at_a_time import Comparison, Reference, compare, reference
from tests.scoring.tiny_tokenizer import tiny_tokenizer
from tests.training.tiny import VOCABULARY, tiny_model

END_IDS = frozenset(range(8))
"""So many that answers end at different steps."""
MAX_NEW_TOKENS = 12


def random_prompts(count: int, shared: int, longest: int = 12) -> list[list[int]]:
    draw = random.Random(shared)
    front = [draw.randrange(VOCABULARY) for _ in range(shared)]
    return [
        [*front, *(draw.randrange(VOCABULARY) for _ in range(draw.randint(1, longest)))] for _ in range(count)
    ]


PROMPTS = random_prompts(14, shared=9)


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_model()


@pytest.fixture(scope="module")
def references(model: Any) -> list[Reference]:
    return reference(model, PROMPTS, END_IDS, MAX_NEW_TOKENS)


def held_against(model: Any, prompts: list[list[int]], references: list[Reference], batch: int) -> Comparison:
    return compare(greedy_tokens(model, prompts, END_IDS, MAX_NEW_TOKENS, batch), references)


def test_the_references_end_at_different_steps(references: list[Reference]) -> None:
    assert len({len(answer.token_ids) for answer in references}) > 4


@pytest.mark.parametrize("batch_size", [1, 4, 14, 100])
def test_same_answers_as_one_at_a_time(model: Any, references: list[Reference], batch_size: int) -> None:
    found = held_against(model, PROMPTS, references, batch_size)
    assert (found.wrong, found.ties) == ([], 0)


@pytest.mark.parametrize(
    "prompts",
    [
        pytest.param(random_prompts(6, shared=0), id="nothing shared"),
        pytest.param([PROMPTS[0]], id="one prompt"),
        pytest.param([PROMPTS[0]] * 3, id="the same prompt"),
        pytest.param([PROMPTS[0], PROMPTS[0] + [20, 21]], id="one begins with the other"),
        pytest.param([[30], [31, 32]], id="one token"),
    ],
)
def test_odd_sets_of_prompts(model: Any, prompts: list[list[int]]) -> None:
    found = held_against(model, prompts, reference(model, prompts, END_IDS, MAX_NEW_TOKENS), 4)
    assert (found.wrong, found.ties) == ([], 0)


def test_no_prompts(model: Any) -> None:
    assert greedy_tokens(model, [], END_IDS, MAX_NEW_TOKENS, 4) == []


@pytest.mark.parametrize("fault", ["positions", "mask"])
def test_planted_faults_are_seen(
    model: Any, references: list[Reference], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = generate._left_padded

    def faulty(tails: Any, front_length: int, device: Any) -> Any:
        inputs = right(tails, front_length, device)
        shifted = {"positions": inputs.positions + 1, "mask": torch.ones_like(inputs.mask)}
        return dataclasses.replace(inputs, **{fault: shifted[fault]})

    monkeypatch.setattr(generate, "_left_padded", faulty)
    assert held_against(model, PROMPTS, references, 14).wrong


def test_each_module_keeps_its_mode_even_after_an_error() -> None:
    model = tiny_model(attention_dropout=0.5).train()
    model.model.layers[0].eval()
    before = [module.training for module in model.modules()]
    first = greedy_tokens(model, PROMPTS, END_IDS, MAX_NEW_TOKENS, 14)
    assert first == greedy_tokens(model, PROMPTS, END_IDS, MAX_NEW_TOKENS, 14)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        greedy_tokens(model, PROMPTS, END_IDS, MAX_NEW_TOKENS, 14, interrupt)
    assert [module.training for module in model.modules()] == before


def test_special_tokens_are_not_in_the_text(model: Any) -> None:
    tokens = greedy_tokens(model, [[40, 41, 42]], frozenset(), 8, 1)[0]
    special = tokens[3]
    template = template_of(tiny_tokenizer(end=0, special=special))
    text = text_of(template, tokens)
    shown = tokens[: tokens.index(0)] if 0 in tokens else tokens
    assert text.split() == [f"w{token}" for token in shown if token != special]


def test_every_end_token_counts() -> None:
    template = template_of(tiny_tokenizer(end=1, special=2))

    def ends(eos_token_id: object) -> frozenset[int]:
        model: Any = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=eos_token_id))
        return end_token_ids(model, dataclasses.replace(template, end="w2"))

    assert ends(None) == {1, 2}
    assert ends(5) == {1, 2, 5}
    assert ends([5, 6]) == {1, 2, 5, 6}
