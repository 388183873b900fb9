"""Proofs that the merged folder is the base with the adapter, by PEFT and not by our own formula."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.models.load import Base
from sweeper.promote.nf4 import exact_value
from sweeper.promote.proofs import Proof

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


def prove_merge(
    base: Base, adapter: Path, merged: "PreTrainedModel", prompts: Sequence[Sequence[int]]
) -> list[Proof]:
    """Compares `merged`, reloaded in fp32, with PEFT's view of the adapter on the base, unmerged.

    Every weight must be the exact one, rounded once; and the logits on `prompts` (token ids) must
    agree. The first sees one wrong tensor among hundreds, the second what is not in the weights.
    The base is given back without the adapter.
    """
    from peft import PeftModel

    with_adapter = PeftModel.from_pretrained(base.model, adapter).eval()
    try:
        return [_prove_weights(with_adapter, merged), _prove_logits(with_adapter, merged, prompts)]
    finally:
        with_adapter.unload()


def _prove_weights(with_adapter: Any, merged: "PreTrainedModel") -> Proof:
    """The worst weight, as a share of the rounding that is allowed."""
    import torch

    worst, where = 0.0, "no weight"
    with torch.inference_mode():
        exact = _exact_weights(with_adapter)
        found = dict(merged.named_parameters())
        if missing := sorted(exact.keys() ^ found.keys()):
            return Proof("merged weights", False, f"{missing[0]} is in one of the two models only")
        for name, weight in exact.items():
            allowed = _FP32_SLACK * (HALF_STEP * weight.abs()).clamp(min=_SMALLEST_HALF_STEP)
            shares = (found[name].float() - weight).abs() / allowed
            excess = shares.nan_to_num(nan=torch.inf).max().item()
            if excess > worst:
                worst, where = excess, name
    detail = f"{len(exact)} tensors; the furthest weight is {worst:.2f} of half an f16 step off, in {where}"
    return Proof("merged weights = base + adapter by PEFT", worst <= 1.0, detail)


def _exact_weights(with_adapter: Any) -> dict[str, "Tensor"]:
    """Base weights with PEFT's own delta, in fp32, under the names that they have without PEFT."""
    weights = {}
    model = with_adapter.base_model.model
    for name, parameter in model.named_parameters():
        if ".lora_" in name:
            continue
        path, wrapped, last = name.rpartition(".base_layer.")
        if wrapped:
            layer = model.get_submodule(path)
            delta = layer.get_delta_weight("default") if last == "weight" else 0.0
            weights[f"{path}.{last}"] = exact_value(parameter) + delta
        else:
            weights[name] = exact_value(parameter)
    return weights


def _prove_logits(with_adapter: Any, merged: "PreTrainedModel", prompts: Sequence[Sequence[int]]) -> Proof:
    import torch

    with torch.inference_mode():
        inputs = [torch.tensor([list(prompt)]) for prompt in prompts]
        wanted = torch.cat([with_adapter(input_ids=ids).logits[0].float() for ids in inputs])
        found = torch.cat([merged(input_ids=ids).logits[0].float() for ids in inputs])
    difference = found - wanted
    share = (difference.pow(2).mean().sqrt() / wanted.std()).item()
    detail = (
        f"on {len(prompts)} prompts the largest difference is {difference.abs().max().item():.3g}, "
        f"the root mean square {share:.2%} of the logits' spread (allowed {LOGIT_BOUND:.1%})"
    )
    return Proof("merged logits = adapter's", share <= LOGIT_BOUND, detail)
