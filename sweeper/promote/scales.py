"""How far each tensor of the model in Ollama is off in scale, fitted to its log probabilities.

A tensor that is scaled by 1 + s moves every log probability by s times its derivative, to first order.
Of the differences D between Ollama's log probabilities and the merged model's own, rounding makes most.
The least-squares fit of D to one tensor's derivatives d, s = <D, d> / <d, d>, averages over thousands
of them, and so sees what their size does not show: 1 % of any linear layer. It also names the tensor, or
the other one of a pair that it cannot be told from: scaling v is scaling o, q is k, up is down.

<D, d> is one backward pass for all tensors at once. <d, d> is estimated from random signs r, since the
mean of <r, d> squared is <d, d>.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from sweeper.promote.proofs import Proof

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

NAME = "logprobs: each tensor's scale"
SCALE_BOUND = 0.005
"""What a tensor's scale may seem to be off. What was measured is in docs/promotion.md."""
FEWEST, _ENOUGH = 1500, 2400
"""Differences that are needed, and with which it is done: rounding averages out over many. A token of an
answer has almost twenty."""
_PROBES = 64
"""Random signs over all prompts: <d, d> is then known to 18 %."""
_OUTLIER = 8.0
"""Differences beyond so many times the median are of tokens that were taken for others."""


@dataclass(frozen=True, slots=True)
class Watched:
    """An answer with the differences that were seen in it: for each the place in the answer, the token's
    id, and Ollama's log probability less the model's own."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    differences: tuple[tuple[int, int, float], ...]


def prove_scales(
    model: "PreTrainedModel", watched: Sequence[Watched], bound: float = SCALE_BOUND
) -> Proof | None:
    """No tensor of the model in Ollama seems to be scaled. None where too little was seen to say so."""
    seen: list[Watched] = []
    numbers = 0
    for each in watched:
        if each.differences and numbers < _ENOUGH:
            seen.append(each)
            numbers += len(each.differences)
    if numbers < FEWEST:
        return None
    fitted = fit_scales(model, seen)
    name, furthest = max(fitted.items(), key=lambda item: abs(item[1]))
    detail = (
        f"fitted to {numbers} log probabilities, the furthest of {len(fitted)} tensors is {name} with "
        f"{furthest:+.2%} (allowed {bound:.1%})"
    )
    return Proof(NAME, abs(furthest) <= bound, detail)


def fit_scales(model: "PreTrainedModel", watched: Sequence[Watched]) -> dict[str, float]:
    """By module, how much its weight seems to be scaled: 0.01 for 1 % too large.

    Tensors that share their weights are one. What moves no log probability has 0.
    """
    import torch

    largest = _OUTLIER * median(abs(value) for each in watched for *_, value in each.differences)
    generator = torch.Generator().manual_seed(0)
    with _scaled(model) as scales:
        towards, norms = torch.zeros(len(scales)), torch.zeros(len(scales))
        for each in watched:
            own, found = _log_probabilities(model, each)
            found = torch.where(found.abs() <= largest, found, 0.0)
            towards += _gradient(own, found, scales)
            probes = math.ceil(_PROBES / len(watched))
            for _ in range(probes):
                signs = 2.0 * torch.randint(0, 2, found.shape, generator=generator) - 1
                norms += _gradient(own, signs, scales) ** 2 / probes
    fitted = torch.where(norms > 0, towards / norms, 0.0)
    return dict(zip(scales, fitted.tolist(), strict=True))


def _log_probabilities(model: "PreTrainedModel", watched: Watched) -> tuple["Tensor", "Tensor"]:
    """The model's own, with their graph, and the differences that were seen there."""
    import torch

    places, tokens, differences = (list(column) for column in zip(*watched.differences, strict=True))
    ids = torch.tensor([[*watched.prompt, *watched.answer[:-1]]], device=model.device)
    logits = model(input_ids=ids, logits_to_keep=len(watched.answer), use_cache=False).logits[0].float()
    return logits.log_softmax(-1)[places, tokens].cpu(), torch.tensor(differences)


def _gradient(own: "Tensor", towards: "Tensor", scales: "dict[str, Tensor]") -> "Tensor":
    """<towards, d> for each tensor."""
    import torch

    found = torch.autograd.grad(own, list(scales.values()), towards, retain_graph=True)
    return torch.stack(found)


@contextlib.contextmanager
def _scaled(model: "PreTrainedModel") -> "Iterator[dict[str, Tensor]]":
    """By module with a weight, a number (0) by which more of it counts in its output while this lasts."""
    import torch

    scales: dict[str, Tensor] = {}
    by_weight: dict[int, Tensor] = {}
    hooks = []
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if weight is None or hasattr(module, "base_layer") or ".lora_" in name:
            continue  # of PEFT's layers the base below: so small an adapter's own scale cannot be fitted
        if id(weight) not in by_weight:
            scales[name] = by_weight[id(weight)] = torch.zeros((), requires_grad=True)
        hooks.append(module.register_forward_hook(_scale(by_weight[id(weight)])))
    try:
        with torch.enable_grad():
            yield scales
    finally:
        for hook in hooks:
            hook.remove()


def _scale(scale: "Tensor") -> Any:
    """A hook that scales what comes of the weight, and leaves the bias alone."""

    def hook(module: Any, inputs: Any, output: "Tensor") -> "Tensor":
        bias = getattr(module, "bias", None)
        return output + scale * (output if bias is None else output - bias)

    return hook
