"""Sampling and stop texts: each case by itself, whoever it shares a batch with."""

import random
from collections import Counter
from typing import Any

import pytest
import torch

from sweeper.scoring.decode import before_stop, sampler, stops_at
from sweeper.scoring.generate import Decoding, answer_tokens
from tests.scoring.test_generate import END_IDS, MAX_NEW_TOKENS, PROMPTS
from tests.training.tiny import tiny_model

IDS = [f"case-{number}" for number in range(len(PROMPTS))]


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_model()


def drawn(model: Any, prompts: Any, ids: list[str], batch_size: int, seed: int = 0) -> list[list[int]]:
    decoding = Decoding(END_IDS, MAX_NEW_TOKENS, choose=sampler(0.8, seed, ids))
    return answer_tokens(model, prompts, decoding, batch_size)


def test_a_case_draws_the_same_in_any_batch(model: Any) -> None:
    alone = drawn(model, PROMPTS, IDS, 1)
    assert drawn(model, PROMPTS, IDS, 5) == drawn(model, PROMPTS, IDS, 14) == alone
    backwards = drawn(model, PROMPTS[::-1], IDS[::-1], 4)
    assert backwards[::-1] == alone
    assert drawn(model, PROMPTS[3:6], IDS[3:6], 2) == alone[3:6]


def test_seed_and_case_decide(model: Any) -> None:
    first = drawn(model, PROMPTS, IDS, 14)
    assert drawn(model, PROMPTS, IDS, 14, seed=1) != first
    twice = drawn(model, [PROMPTS[0]] * 2, ["a", "b"], 2)
    assert twice[0] != twice[1]


def test_draws_follow_the_softmax_at_the_temperature() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, -30.0]])
    count = 4000
    choose = sampler(2.0, 0, ["a"])
    found = Counter(choose(logits, [0])[0] for _ in range(count))
    wanted = torch.softmax(logits[0] / 2.0, 0).tolist()
    assert [found[token] / count for token in range(4)] == pytest.approx(wanted, abs=0.03)


def test_no_random_state_is_touched_and_each_module_keeps_its_mode() -> None:
    model = tiny_model(attention_dropout=0.5).train()
    model.model.layers[0].eval()
    before = torch.get_rng_state(), random.getstate(), [module.training for module in model.modules()]
    drawn(model, PROMPTS, IDS, 5)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert [module.training for module in model.modules()] == before[2]


def as_text(token_ids: Any) -> str:
    return " ".join(f"w{token}" for token in token_ids)


def test_an_answer_ends_with_its_stop_text_and_the_others_go_on(model: Any) -> None:
    whole = answer_tokens(model, PROMPTS, Decoding(frozenset(), MAX_NEW_TOKENS), 14)
    stop = f"w{whole[0][4]} "
    decoding = Decoding(frozenset(), MAX_NEW_TOKENS, is_ended=stops_at([stop], as_text))
    stopped = answer_tokens(model, PROMPTS, decoding, 14)
    for answer, full in zip(stopped, whole, strict=True):
        assert full[: len(answer)] == answer
        text = as_text(full)
        assert before_stop(as_text(answer), [stop]) == before_stop(text, [stop])
        assert (len(answer) < len(full)) == (stop in as_text(full[:-1]))
    assert any(len(answer) < MAX_NEW_TOKENS for answer in stopped)


def test_the_first_stop_text_counts() -> None:
    assert before_stop("one; two\nthree", ["\n", ";"]) == "one"
    assert before_stop("one", ["\n"]) == "one"
    assert before_stop("\none", ["\n"]) == ""


def test_a_stop_text_over_several_tokens_is_seen() -> None:
    is_ended = stops_at(["END OF IT"], lambda ids: "".join(map(chr, ids)))
    text = [ord(sign) for sign in "x" * 500 + "END OF I"]
    assert not is_ended(text)
    assert is_ended([*text, ord("T")])
