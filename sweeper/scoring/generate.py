"""Greedy answers of one model to many prompts, in batches.

The front that all prompts share (system prompt, instruction) is computed once and its keys and
values are copied to every row. Rows are padded on the left of what follows the front; the padding is
masked and takes no position, so a row reads what it would read alone. Not covered: recurrent layers,
which padding would leak into, and sliding windows shorter than a prompt and its answer, for they
count cache places and the padding would push real tokens out.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeper.data.template import Template

if TYPE_CHECKING:
    import torch
    from transformers import DynamicCache, PreTrainedModel

Progress = Callable[[int, int], None]
"""Called with how many prompts are answered, and of how many."""


def no_progress(done: int, total: int) -> None:
    """Tells nobody."""


def greedy_answers(
    model: "PreTrainedModel",
    template: Template,
    prompts: Sequence[str],
    max_new_tokens: int,
    batch_size: int,
    progress: Progress = no_progress,
) -> list[str]:
    """The likeliest continuation of each rendered prompt, token by token, as text without special tokens.

    An answer ends before the template's end of turn or any end token of the model, or after
    `max_new_tokens` tokens. Which prompts share a batch changes an answer by rounding only.
    """
    answers = greedy_tokens(
        model,
        [template.token_ids(prompt) for prompt in prompts],
        end_token_ids(model, template),
        max_new_tokens,
        batch_size,
        progress,
    )
    # Cleaning up would take the blanks before punctuation out of an answer that is compared to the letter.
    return [
        template.tokenizer.decode(answer, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        for answer in answers
    ]


def greedy_tokens(
    model: "PreTrainedModel",
    prompts: Sequence[Sequence[int]],
    end_ids: frozenset[int],
    max_new_tokens: int,
    batch_size: int,
    progress: Progress = no_progress,
) -> list[list[int]]:
    """Token ids of the greedy answers, end tokens left out. Each prompt has at least one token id."""
    import torch

    if not prompts:
        return []
    answers: list[list[int]] = []
    with _evaluating(model), torch.inference_mode():
        front = _run_front(model, prompts)
        for start in range(0, len(prompts), batch_size):
            tails = [prompt[front.length :] for prompt in prompts[start : start + batch_size]]
            answers += _answer_batch(model, front, tails, end_ids, max_new_tokens)
            progress(len(answers), len(prompts))
    return answers


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
def _evaluating(model: "PreTrainedModel") -> Iterator[None]:
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
    model: "PreTrainedModel",
    front: _Front,
    tails: Sequence[Sequence[int]],
    end_ids: frozenset[int],
    max_new_tokens: int,
) -> list[list[int]]:
    """Answers one batch. A row that ended leaves it, so the last steps run on few rows."""
    cache = copy.deepcopy(front.cache)
    cache.batch_repeat_interleave(len(tails))
    inputs = _left_padded(tails, front.length, model.device)
    answers: list[list[int]] = [[] for _ in tails]
    open_answers = answers
    for _ in range(max_new_tokens):
        chosen = _likeliest(model, inputs, cache)
        going = [row for row, token in enumerate(chosen) if token not in end_ids]
        if not going:
            break
        if len(going) < len(chosen):
            inputs = _select(inputs, cache, going)
            open_answers = [open_answers[row] for row in going]
        chosen = [chosen[row] for row in going]
        for answer, token in zip(open_answers, chosen, strict=True):
            answer.append(token)
        inputs = _followed_by(inputs, chosen)
    return answers


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


def _likeliest(model: "PreTrainedModel", inputs: _Inputs, cache: "DynamicCache") -> list[int]:
    """The token id with the highest logit after each row; the head runs on the last place only."""
    output = model(
        input_ids=inputs.tokens,
        attention_mask=inputs.mask,
        position_ids=inputs.positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    token_ids: list[int] = output.logits[:, -1].argmax(dim=-1).tolist()
    return token_ids


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
