"""Proofs that the merged folder is the base with the adapter, by PEFT and not by our own formula."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.models.load import Base
from sweeper.promote.nf4 import exact_value
from sweeper.promote.proofs import Proof
from sweeper.promote.tensors import LoadedTensors, TensorSource

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

HALF_STEP = 2.0**-11
"""Rounding to f16 moves a weight by at most this share of it (11 significant bits)."""
_SMALLEST_HALF_STEP = 2.0**-25
"""The same for weights so small that f16 has no more bits for them: half of its smallest step."""
_FP32_SLACK = 1.01
"""PEFT may sum in another order than we do, in fp32."""

LOGIT_BOUND = 0.005
"""Allowed root mean square of the difference, as a share of the logits' standard deviation. Rounding
all weights of SmolLM2-135M to f16 gave 0.0010 to 0.0015."""


@dataclass(frozen=True, slots=True)
class ByPeft:
    """What PEFT, with the adapter unmerged, says of a merge: the verdict on its weights, and the logits
    [tokens, vocabulary] that it must have."""

    weights: Proof
    logits: "Tensor"


def prove_merge(
    base: Base, adapter: Path, merged: "PreTrainedModel", prompts: Sequence[Sequence[int]]
) -> list[Proof]:
    """Compares `merged`, reloaded in fp32, with PEFT's view of the adapter on the base, unmerged.

    Every weight must be the exact one, rounded once; and the logits on `prompts` (token ids) must
    agree. The first sees one wrong tensor among hundreds, the second what is not in the weights.
    The base is given back without the adapter.
    """
    by_peft = look_by_peft(base, adapter, LoadedTensors(merged), prompts)
    return [by_peft.weights, prove_logits(by_peft.logits, merged, prompts)]


def look_by_peft(base: Base, adapter: Path, merged: TensorSource, prompts: Sequence[Sequence[int]]) -> ByPeft:
    """The first half of `prove_merge`, for which the merged model need not be loaded: its tensors are
    taken one by one."""
    from peft import PeftModel

    with_adapter = PeftModel.from_pretrained(base.model, adapter).eval()
    try:
        return ByPeft(_prove_weights(with_adapter, merged), _logits(with_adapter, prompts))
    finally:
        with_adapter.unload()


def prove_logits(wanted: "Tensor", merged: "PreTrainedModel", prompts: Sequence[Sequence[int]]) -> Proof:
    """The second half: `wanted` are PEFT's."""
    difference = _logits(merged, prompts) - wanted
    share = (difference.pow(2).mean().sqrt() / wanted.std()).item()
    detail = (
        f"on {len(prompts)} prompts the largest difference is {difference.abs().max().item():.3g}, "
        f"the root mean square {share:.2%} of the logits' spread (allowed {LOGIT_BOUND:.1%})"
    )
    return Proof("merged logits = adapter's", share <= LOGIT_BOUND, detail)


def _logits(model: Any, prompts: Sequence[Sequence[int]]) -> "Tensor":
    import torch

    with torch.inference_mode():
        return torch.cat([model(input_ids=torch.tensor([list(ids)])).logits[0].float() for ids in prompts])


def _prove_weights(with_adapter: Any, merged: TensorSource) -> Proof:
    """The worst weight, as a share of the rounding that is allowed."""
    import torch

    model, tensors = with_adapter.base_model.model, 0
    left = merged.shapes.keys() - {name for name, _ in model.named_buffers()}
    worst, where = 0.0, "no weight"
    with torch.inference_mode():
        for name, weight in _exact_weights(model):
            if name not in left:
                return Proof("merged weights", False, f"{name} is in one of the two models only")
            left.remove(name)
            tensors += 1
            allowed = _FP32_SLACK * (HALF_STEP * weight.abs()).clamp(min=_SMALLEST_HALF_STEP)
            found = merged.rows(name, 0, len(weight)).float()
            excess = ((found - weight).abs() / allowed).nan_to_num(nan=torch.inf).max().item()
            if excess > worst:
                worst, where = excess, name
    if left:
        return Proof("merged weights", False, f"{min(left)} is in one of the two models only")
    detail = f"{tensors} tensors; the furthest weight is {worst:.2f} of half an f16 step off, in {where}"
    return Proof("merged weights = base + adapter by PEFT", worst <= 1.0, detail)


def _exact_weights(model: Any) -> "Iterator[tuple[str, Tensor]]":
    """Base weights with PEFT's own delta, in fp32, under the names that they have without PEFT."""
    for name, parameter in model.named_parameters():
        if ".lora_" in name:
            continue
        path, wrapped, last = name.rpartition(".base_layer.")
        if wrapped:
            layer = model.get_submodule(path)
            delta = layer.get_delta_weight("default") if last == "weight" else 0.0
            yield f"{path}.{last}", exact_value(parameter) + delta
        else:
            yield name, exact_value(parameter)
