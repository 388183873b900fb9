"""How the next token is chosen, and when an answer is at its end: case by case, whoever shares the batch."""

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

Choose = Callable[["torch.Tensor", Sequence[int]], list[int]]
"""Next token ids from logits [rows, vocabulary] of the prompts numbered in the second argument."""

IsEnded = Callable[[Sequence[int]], bool]
"""Whether an answer of these token ids goes no further."""


def likeliest(logits: "torch.Tensor", prompts: Sequence[int]) -> list[int]:
    """The token with the highest logit."""
    token_ids: list[int] = logits.argmax(dim=-1).tolist()
    return token_ids


def never(token_ids: Sequence[int]) -> bool:
    """No end but the model's own."""
    return False


def sampler(temperature: float, seed: int, case_ids: Sequence[str]) -> Choose:
    """Draws from softmax(logits / temperature), by a generator of each case's own.

    One uniform number per token, from (seed, case id), is looked up in the cumulative distribution, so
    a case draws the same in any batch, but for rounding, and torch's random state is not touched.
    """
    generators = [random.Random(f"{seed}/{case_id}") for case_id in case_ids]

    def draw(logits: "torch.Tensor", prompts: Sequence[int]) -> list[int]:
        import torch

        chances = torch.softmax(logits.double() / temperature, dim=-1).cumsum(dim=-1)
        numbers = [generators[prompt].random() for prompt in prompts]
        points = torch.tensor(numbers, dtype=chances.dtype, device=chances.device)[:, None] * chances[:, -1:]
        found = torch.searchsorted(chances, points, right=True)
        token_ids: list[int] = found.clamp(max=logits.shape[-1] - 1).squeeze(1).tolist()
        return token_ids

    return draw


def stops_at(stop: Sequence[str], decode: Callable[[Sequence[int]], str]) -> IsEnded:
    """Ends an answer once one of `stop` is in its text. Only its last tokens are read at each step."""
    if not stop:
        return never
    # A token holds a byte at least; those in front are for what decoding does to a text's beginning.
    window = max(len(text.encode()) for text in stop) + 8

    def is_ended(token_ids: Sequence[int]) -> bool:
        tail = decode(token_ids[-window:])
        return any(text in tail for text in stop)

    return is_ended


def before_stop(text: str, stop: Sequence[str]) -> str:
    """The text before the first of `stop` that is in it."""
    places = [place for each in stop if (place := text.find(each)) >= 0]
    return text[: min(places)] if places else text
