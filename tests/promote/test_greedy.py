"""An answer from elsewhere is followed through ties, and through nothing else."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sweeper.models.load import Base
from sweeper.promote.greedy import TIE_MARGIN, GreedyModel
from tests.promote.tiny import tiny_base

LETTERS = ["<end>", "a", "b", "c", " ", "\N{LATIN SMALL LETTER E WITH ACUTE}"]
END, A, B, C, BLANK = range(5)


class Speller:
    """A tokenizer of one token per letter."""

    def decode(self, ids: list[int], **options: Any) -> str:
        return "".join(LETTERS[token] for token in ids if token != END)


@dataclass
class Scripted:
    """A model whose logits are told: by what was answered so far, the best token, the second, the margin."""

    script: dict[tuple[int, ...], tuple[int, int, float]]

    device = torch.device("cpu")

    def __call__(self, input_ids: Any, past_key_values: Any, **options: Any) -> Any:
        so_far = (*(past_key_values or ()), *input_ids[0].tolist())
        best, second, margin = self.script[so_far[1:]]
        logits = torch.full((1, 1, len(LETTERS)), -9.0)
        logits[0, 0, best], logits[0, 0, second] = margin, 0.0
        return SimpleNamespace(logits=logits, past_key_values=so_far)


PROMPT = [A]
TIE, CLEAR = TIE_MARGIN / 2, TIE_MARGIN * 2
SCRIPT = {
    (): (A, B, CLEAR),
    (A,): (B, C, TIE),
    (A, B): (END, A, CLEAR),
    (A, C): (C, END, TIE),
    (A, C, C): (END, B, CLEAR),
}


def speller(max_new_tokens: int = 5) -> GreedyModel:
    return GreedyModel(Scripted(SCRIPT), Speller(), frozenset({END}), max_new_tokens)


def test_the_models_own_answer() -> None:
    followed = speller().follow(PROMPT, " ab\n")
    assert (followed.difference, followed.text, followed.ended, followed.ties) == (None, "ab", True, ())


def test_an_answer_that_took_a_tie_is_followed_on() -> None:
    followed = speller().follow(PROMPT, "acc")
    assert (followed.difference, followed.text, followed.ended) == (None, "acc", True)
    assert followed.ties == pytest.approx((TIE,))


def test_an_end_can_be_the_runner_up() -> None:
    followed = speller().follow(PROMPT, "ac")
    assert (followed.difference, followed.text, followed.ended) == (None, "ac", True)
    assert followed.ties == pytest.approx((TIE, TIE))


@pytest.mark.parametrize("text", ["bb", "aba", "acb", "aa", "", "a", "accb"])
def test_any_other_token_is_a_difference(text: str) -> None:
    followed = speller().follow(PROMPT, text)
    assert followed.difference is not None
    assert "is wanted" in followed.difference


def test_an_answer_that_is_cut_does_not_end() -> None:
    followed = speller(max_new_tokens=2).follow(PROMPT, "ab")
    assert (followed.difference, followed.ended) == (None, False)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return tiny_base(tmp_path_factory.mktemp("base"))


def test_answers_equal_those_of_transformers(base: Base) -> None:
    ends = frozenset({base.tokenizer.eos_token_id})
    greedy = GreedyModel(base.model, base.tokenizer, ends, 12)
    for start in range(5):
        prompt = list(range(start, start + 9))
        wanted = base.model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=12)
        answer = greedy.answer(prompt)
        assert [*prompt, *answer.token_ids] == wanted[0].tolist()
        assert greedy.answer(prompt, answer.token_ids[:5]).token_ids == answer.token_ids[5:]


def test_a_character_of_several_tokens_is_followed(base: Base) -> None:
    greedy = GreedyModel(base.model, base.tokenizer, frozenset({base.tokenizer.eos_token_id}), 12)
    prompt = list(range(9))
    followed = greedy.follow(prompt, greedy.text(greedy.answer(prompt).token_ids))
    assert followed.difference is None
