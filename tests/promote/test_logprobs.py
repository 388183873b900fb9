"""A model that is off in the least has other log probabilities; what cannot be compared is left out."""

import copy
import dataclasses
from typing import Any

import pytest
import torch

from sweeper.promote.greedy import Followed, GreedyModel
from sweeper.promote.logprobs import TOP, compare, prove_logprobs
from sweeper.promote.prompts import Prompt
from sweeper.serving.ollama import ChatAnswer, TokenLogprobs
from tests.promote.fake_ollama import FakeOllama
from tests.promote.tiny import tiny_base

PROMPT = Prompt("case", ({"role": "user", "content": "Hi"},), "", tuple(range(5, 25)))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> GreedyModel:
    base = tiny_base(tmp_path_factory.mktemp("base"))
    return GreedyModel(base.model, base.tokenizer, frozenset({base.tokenizer.eos_token_id}), 12)


def answer_of(model: GreedyModel, ids: tuple[int, ...]) -> ChatAnswer:
    tokens = FakeOllama(None, model)._tokens(PROMPT.token_ids, ids, TOP)  # type: ignore[arg-type]
    return ChatAnswer(model.text(ids), len(PROMPT.token_ids), len(ids), "stop", tokens)


def proof(model: GreedyModel, other: GreedyModel) -> Any:
    """The one by size; the one by scale has tests of its own."""
    ids = model.answer(PROMPT.token_ids).token_ids
    followed = Followed(None, model.text(ids), True, (), ids)
    by_size, *_ = prove_logprobs(model, [PROMPT], [followed], [answer_of(other, ids)])
    return by_size


def test_the_same_model_differs_by_nothing(model: GreedyModel) -> None:
    found = proof(model, model)
    assert found.passed
    assert "root mean square of the differences 0.0000" in found.detail


def test_a_swapped_tensor_is_seen(model: GreedyModel) -> None:
    wrong = copy.deepcopy(model.model)
    with torch.no_grad():
        down = wrong.model.layers[0].mlp.down_proj.weight
        down.copy_(down.flip(0).clone())
    assert not proof(model, dataclasses.replace(model, model=wrong)).passed


def test_what_was_split_in_another_way_is_left_out_and_too_little_is_no_proof(model: GreedyModel) -> None:
    ids = tuple(model.tokenizer("Translate the sentence into French", add_special_tokens=False)["input_ids"])
    right = answer_of(model, ids)
    whole = compare(model, PROMPT, ids, right.tokens)
    assert whole.cut == 0
    assert len(whole.differences) == len(ids)
    other = (right.tokens[0], TokenLogprobs("elsewhere", right.tokens[1].likeliest), *right.tokens[2:])
    part = compare(model, PROMPT, ids, other)
    assert part.cut == len(ids) - 1
    assert len(part.differences) == 1
    followed = Followed(None, right.content, True, (), ids)
    (found,) = prove_logprobs(model, [PROMPT], [followed], [dataclasses.replace(right, tokens=other)])
    assert not found.passed
    assert "follow one that was split in another way" in found.detail
