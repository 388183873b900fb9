"""Ollama's log probabilities against the merged model's, token by token.

The finest instrument there is from outside: it sees a tensor that is off where every greedy answer is
still the same. It is blind to penalties and temperature, which come after it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, TypeVar

from sweeper.promote.greedy import Followed, GreedyModel
from sweeper.promote.prompts import Prompt
from sweeper.promote.proofs import Proof
from sweeper.promote.scales import Watched, prove_scales
from sweeper.serving.ollama import ChatAnswer, TokenLogprobs

if TYPE_CHECKING:
    from torch import Tensor

Value = TypeVar("Value")

TOP = 20
"""Likeliest tokens that are compared in each place; Ollama gives no more."""
LOGPROB_BOUND = 0.01
"""Nats at the median token; the untouched base shows 0.0042. What exceeds it is in docs/promotion.md.

The median, for now and then two tokens of the vocabulary have one text, and are taken for each other.
"""
_BROKEN = "\N{REPLACEMENT CHARACTER}"


def prove_logprobs(
    model: GreedyModel,
    prompts: Sequence[Prompt],
    followed: Sequence[Followed],
    answers: Sequence[ChatAnswer],
    bound: float = LOGPROB_BOUND,
    whose: str = "merged model's",
) -> list[Proof]:
    """The likeliest tokens of each answer have the same log probabilities in Ollama as in `model`.

    End tokens and texts that end inside a character are left out, and so is what follows a token that
    was split in another way; that must be less than half of all. A second proof, where the
    answers are long enough for it, fits each tensor's scale to the same differences.
    """
    compared = [
        compare(model, prompt, own.token_ids, answer.tokens)
        for prompt, own, answer in zip(prompts, followed, answers, strict=True)
    ]
    found = [each for one in compared for each in one.differences]
    tokens, cut = sum(len(answer.tokens) for answer in answers), sum(one.cut for one in compared)
    name = f"logprobs = {whose}"
    if not found or 2 * cut >= tokens:
        return [Proof(name, False, f"{cut} of {tokens} tokens follow one that was split in another way")]
    middle = median(found)
    detail = (
        f"{len(found)} tokens with their {TOP} likeliest; root mean square of the differences "
        f"{middle:.4f} at the median token, {max(found):.3f} at most (allowed {bound:g} at the median)"
    )
    scales = prove_scales(model.model, [one.watched for one in compared])
    return [Proof(name, middle <= bound, detail), *([] if scales is None else [scales])]


@dataclass(frozen=True, slots=True)
class Compared:
    """For each token the root mean square of Ollama's log probabilities minus the model's own, and how
    many tokens were `cut` off: those from the first one that was split in another way.

    `watched` has each of these differences by itself.
    """

    differences: tuple[float, ...]
    cut: int
    watched: Watched


def compare(
    model: GreedyModel, prompt: Prompt, answer: Sequence[int], tokens: Sequence[TokenLogprobs]
) -> Compared:
    """`answer` are the token ids of the model's own answer, which reads as Ollama's does."""
    ids = [each for each in answer if each not in model.end_ids]
    found: list[float] = []
    watched: list[tuple[int, int, float]] = []
    cut = len(tokens)
    if ids and tokens:
        cut = 0
        logprobs = model.logprobs(prompt.token_ids, ids)
        for place, (token, own_id) in enumerate(zip(tokens, ids, strict=False)):
            begun = ids[:place]
            own_text = _piece(model, begun, own_id)
            if _BROKEN in own_text + token.text:
                continue
            if place and own_text != token.text:  # the first one may come without its leading blank
                cut = len(tokens) - place
                break
            values = _differences(_own_likeliest(model, begun, logprobs[place]), token)
            watched += [(place, token_id, value) for token_id, value in values]
            if values:
                found.append(math.sqrt(sum(value**2 for _, value in values) / len(values)))
    return Compared(tuple(found), cut, Watched(tuple(prompt.token_ids), tuple(ids), tuple(watched)))


def _differences(own: Mapping[str, tuple[int, float]], token: TokenLogprobs) -> list[tuple[int, float]]:
    """Token ids with what Ollama gives them more than the model does."""
    theirs = _by_text(token.likeliest)
    return [(own[text][0], value - own[text][1]) for text, value in theirs.items() if text in own]


def _own_likeliest(
    model: GreedyModel, begun: Sequence[int], logprobs: "Tensor"
) -> dict[str, tuple[int, float]]:
    """Twice as many as Ollama gives: its last ones may stand a little further down here."""
    values, ids = logprobs.topk(min(2 * TOP, len(logprobs)))
    pieces = [_piece(model, begun, each) for each in ids.tolist()]
    return _by_text(zip(pieces, zip(ids.tolist(), values.tolist(), strict=True), strict=True))


def _piece(model: GreedyModel, begun: Sequence[int], token: int) -> str:
    """What `token` adds to the text of `begun`."""
    before = model.text(begun)
    after = model.text([*begun, token])
    return after[len(before) :] if after.startswith(before) else _BROKEN


def _by_text(pairs: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    """Without empty texts, broken ones, and those that two tokens have."""
    kept: dict[str, Value] = {}
    doubled = set()
    for text, value in pairs:
        if text in kept:
            doubled.add(text)
        if text and _BROKEN not in text:
            kept[text] = value
    return {text: value for text, value in kept.items() if text not in doubled}
