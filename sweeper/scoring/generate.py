"""Answers of one model to many prompts, in batches.

The front that all prompts share (system prompt, instruction) is computed once and its keys and
values are copied to every row. Rows are padded on the left of what follows the front; the padding is
masked and takes no position, so a row reads what it would read alone. Not covered: recurrent layers,
which padding would leak into, and sliding windows shorter than a prompt and its answer, for they
count cache places and the padding would push real tokens out.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeper.data.template import Template
from sweeper.scoring.decode import Choose, IsEnded, likeliest, never

if TYPE_CHECKING:
    import torch
    from transformers import DynamicCache, PreTrainedModel

Progress = Callable[[int, int], None]
"""Called with how many prompts are answered, and of how many."""


def no_progress(done: int, total: int) -> None:
    """Tells nobody."""


def greedy_tokens(
    model: "PreTrainedModel",
    prompts: Sequence[Sequence[int]],
    end_ids: frozenset[int],
    max_new_tokens: int,
    batch_size: int,
    progress: Progress = no_progress,
) -> list[list[int]]:
    """Token ids of the likeliest answers, token by token; see `answer_tokens`."""
    return answer_tokens(model, prompts, Decoding(end_ids, max_new_tokens), batch_size, progress)


@dataclass(frozen=True, slots=True)
class Decoding:
    """How answers are made: greedily, up to `max_new_tokens` tokens, unless told otherwise.

    An answer ends before any of `end_ids`, and after the token with which `is_ended` is true.
    """

    end_ids: frozenset[int]
    max_new_tokens: int
    choose: Choose = likeliest
    is_ended: IsEnded = never


def answer_tokens(
    model: "PreTrainedModel",
    prompts: Sequence[Sequence[int]],
    decoding: Decoding,
    batch_size: int,
    progress: Progress = no_progress,
) -> list[list[int]]:
    """Token ids of the answers, end tokens left out. Each prompt has at least one token id.

    Which prompts share a batch changes an answer by rounding only. The modules' train or eval modes
    are afterwards as before; no random state is used.
    """
    import torch

    if not prompts:
        return []
    answers: list[list[int]] = []
    with evaluating(model), torch.inference_mode():
        front = _run_front(model, prompts)
        for start in range(0, len(prompts), batch_size):
            numbers = range(start, min(start + batch_size, len(prompts)))
            tails = {number: prompts[number][front.length :] for number in numbers}
            answers += _answer_batch(model, front, tails, decoding)
            progress(len(answers), len(prompts))
    return answers


def text_of(template: Template, token_ids: Sequence[int]) -> str:
    """An answer's text without special tokens. Nothing is tidied up: that would take the blanks before
    punctuation out of an answer that is compared to the letter."""
    return str(
        template.tokenizer.decode(
            list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
    )


def end_token_ids(model: "PreTrainedModel", template: Template) -> frozenset[int]:
    """Every token id that ends an answer: the template's, the tokenizer's and the model's own."""
    tokenizer, settings = template.tokenizer, getattr(model, "generation_config", None)
    of_model = getattr(settings, "eos_token_id", None)
    candidates = [
        tokenizer.convert_tokens_to_ids(template.end),
        tokenizer.eos_token_id,
        *(of_model if isinstance(of_model, list) else [of_model]),
    ]
    return frozenset(int(token_id) for token_id in candidates if token_id is not None)


@dataclass(frozen=True, slots=True)
class _Front:
    """What all prompts begin with: its length in tokens, and its keys and values at batch size 1."""

    length: int
    cache: "DynamicCache"


@dataclass(frozen=True, slots=True)
class _Inputs:
    """The next forward pass: tokens and positions [rows, new], mask [rows, cached + new]."""

    tokens: "torch.Tensor"
    positions: "torch.Tensor"
    mask: "torch.Tensor"


@contextlib.contextmanager
def evaluating(model: "PreTrainedModel") -> Iterator[None]:
    """Eval mode inside; afterwards each module is as it was, also where some trained and some did not."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _shared_length(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts begin with. One is left of the shortest: every row feeds its own end."""
    most = min(map(len, prompts)) - 1
    first = prompts[0]
    different = (place for place in range(most) if any(prompt[place] != first[place] for prompt in prompts))
    return next(different, most)


def _run_front(model: "PreTrainedModel", prompts: Sequence[Sequence[int]]) -> _Front:
    """Runs the shared front once."""
    import torch
    from transformers import DynamicCache

    length = _shared_length(prompts)
    cache = DynamicCache(config=model.config)
    if length:
        tokens = torch.tensor([prompts[0][:length]], device=model.device)
        model(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return _Front(length, cache)


def _answer_batch(
    model: "PreTrainedModel", front: _Front, tails: Mapping[int, Sequence[int]], decoding: Decoding
) -> list[list[int]]:
    """Answers one batch, by prompt number. A row that ended leaves it, so the last steps run on few rows."""
    cache = copy.deepcopy(front.cache)
    cache.batch_repeat_interleave(len(tails))
    inputs = _left_padded(list(tails.values()), front.length, model.device)
    answers: dict[int, list[int]] = {number: [] for number in tails}
    going = list(tails)
    for _ in range(decoding.max_new_tokens):
        chosen = decoding.choose(_next_logits(model, inputs, cache), going)
        for number, token in zip(going, chosen, strict=True):
            if token not in decoding.end_ids:
                answers[number].append(token)
        kept = [
            row
            for row, (number, token) in enumerate(zip(going, chosen, strict=True))
            if token not in decoding.end_ids and not decoding.is_ended(answers[number])
        ]
        if not kept:
            break
        if len(kept) < len(going):
            inputs = _select(inputs, cache, kept)
        going, chosen = [going[row] for row in kept], [chosen[row] for row in kept]
        inputs = _followed_by(inputs, chosen)
    return list(answers.values())


def _left_padded(tails: Sequence[Sequence[int]], front_length: int, device: Any) -> _Inputs:
    """The rows' own tokens behind the front, padded on the left. Positions go on where the front ended."""
    import torch

    longest = max(map(len, tails))
    # Token id 0 and the front's end stand in the padding: any id and any place would do, for it is masked.
    tokens = torch.tensor([[0] * (longest - len(tail)) + list(tail) for tail in tails], device=device)
    real = torch.tensor([[0] * (longest - len(tail)) + [1] * len(tail) for tail in tails], device=device)
    positions = front_length + (real.cumsum(dim=1) - 1).clamp(min=0)
    mask = torch.cat([real.new_ones(len(tails), front_length), real], dim=1)
    return _Inputs(tokens, positions, mask)


def _next_logits(model: "PreTrainedModel", inputs: _Inputs, cache: "DynamicCache") -> "torch.Tensor":
    """Logits [rows, vocabulary] after each row; the head runs on the last place only."""
    output = model(
        input_ids=inputs.tokens,
        attention_mask=inputs.mask,
        position_ids=inputs.positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    logits: torch.Tensor = output.logits[:, -1]
    return logits


def _select(inputs: _Inputs, cache: "DynamicCache", rows: list[int]) -> _Inputs:
    """Keeps `rows`, also in the cache, which is changed in place."""
    import torch

    index = torch.tensor(rows, device=inputs.tokens.device)
    cache.batch_select_indices(index)
    return _Inputs(inputs.tokens[index], inputs.positions[index], inputs.mask[index])


def _followed_by(inputs: _Inputs, chosen: list[int]) -> _Inputs:
    """One token more in each row, at the next position."""
    tokens = inputs.tokens.new_tensor(chosen).unsqueeze(1)
    mask = inputs.mask.new_ones(len(chosen), inputs.mask.shape[1] + 1)
    mask[:, :-1] = inputs.mask
    return _Inputs(tokens, inputs.positions[:, -1:] + 1, mask)
