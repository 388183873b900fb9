"""What greedy answers are held against: transformers' own generate, one prompt at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

TIE_GAP = 1e-4
"""Two top logits nearer than this may change places by rounding."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Token ids without their end token; at each step the gap between the two top logits."""

    token_ids: list[int]
    gaps: list[float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`wrong` are the prompts answered differently where no two logits were tied."""

    equal: int
    ties: int
    wrong: list[int]


def reference(
    model: Any, prompts: Sequence[Sequence[int]], end_ids: frozenset[int], max_new_tokens: int
) -> list[Reference]:
    return [_reference(model, prompt, end_ids, max_new_tokens) for prompt in prompts]


def compare(answers: Sequence[Sequence[int]], references: Sequence[Reference]) -> Comparison:
    """Prompt by prompt; a difference is a tie if the reference itself hardly preferred its token."""
    pairs = list(zip(answers, references, strict=True))
    different = [place for place, (answer, wanted) in enumerate(pairs) if list(answer) != wanted.token_ids]
    wrong = [place for place in different if not _is_tie(*pairs[place])]
    return Comparison(len(pairs) - len(different), len(different) - len(wrong), wrong)


def _is_tie(answer: Sequence[int], wanted: Reference) -> bool:
    pairs = zip(answer, wanted.token_ids, strict=False)
    shorter = min(len(answer), len(wanted.token_ids))
    step = next((step for step, (mine, theirs) in enumerate(pairs) if mine != theirs), shorter)
    return wanted.gaps[step] < TIE_GAP


def _reference(model: Any, prompt: Sequence[int], end_ids: frozenset[int], max_new_tokens: int) -> Reference:
    tokens = torch.tensor([list(prompt)])
    output = model.generate(
        tokens,
        attention_mask=torch.ones_like(tokens),
        max_new_tokens=max_new_tokens,
        do_sample=False,
        eos_token_id=sorted(end_ids),
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
    )
    answer = output.sequences[0, len(prompt) :].tolist()
    top = [logits[0].topk(2).values.tolist() for logits in output.logits]
    return Reference([token for token in answer if token not in end_ids], [high - low for high, low in top])
