"""A merge that went wrong in the least is seen."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.models.load import Base
from sweeper.promote.adapter import LoraAdapter, read_adapter
from sweeper.promote.merge import loaded_base, merge_adapter
from sweeper.promote.merge_proofs import prove_merge
from tests.promote.tiny import save_adapter, tiny_base

PROMPTS = [list(range(20)), list(range(40, 50))]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return tiny_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapter(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_adapter(base, tmp_path_factory.mktemp("adapter"))


def merged(base: Base, adapter: LoraAdapter, folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    merge_adapter(loaded_base(base), adapter, folder)
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def test_a_right_merge_passes_and_the_base_is_left_alone(base: Base, adapter: Path, tmp_path: Path) -> None:
    names = [name for name, _ in base.model.named_modules()]
    proofs = prove_merge(base, adapter, merged(base, read_adapter(adapter), tmp_path), PROMPTS)
    assert [proof.passed for proof in proofs] == [True, True]
    assert [name for name, _ in base.model.named_modules()] == names


@pytest.mark.parametrize(
    ("plant", "logits_see_it"),
    [
        (lambda scales: {layer: scale * 1.002 for layer, scale in scales.items()}, False),
        (lambda scales: {layer: scale / 2 for layer, scale in scales.items()}, True),
        (lambda scales: {**scales, next(iter(scales)): 0.0}, True),
    ],
    ids=["scale off by 0.2 %", "alpha over twice the rank", "a layer left out"],
)
def test_a_wrong_merge_is_seen(
    base: Base,
    adapter: Path,
    tmp_path: Path,
    plant: Callable[[Mapping[str, float]], dict[str, float]],
    logits_see_it: bool,
) -> None:
    read = read_adapter(adapter)
    wrong = merged(base, dataclasses.replace(read, scales=plant(read.scales)), tmp_path)
    weights, logits = prove_merge(base, adapter, wrong, PROMPTS)
    assert not weights.passed
    assert logits.passed is not logits_see_it


def test_a_tensor_off_by_a_thousandth_is_named(base: Base, adapter: Path, tmp_path: Path) -> None:
    wrong = merged(base, read_adapter(adapter), tmp_path)
    with torch.no_grad():
        wrong.model.layers[1].mlp.up_proj.weight *= 1.001
    weights, _ = prove_merge(base, adapter, wrong, PROMPTS)
    assert not weights.passed
    assert "model.layers.1.mlp.up_proj.weight" in weights.detail


def test_two_swapped_tensors_are_seen_by_weights_and_logits(
    base: Base, adapter: Path, tmp_path: Path
) -> None:
    wrong = merged(base, read_adapter(adapter), tmp_path)
    with torch.no_grad():
        one, other = (layer.mlp.up_proj.weight for layer in wrong.model.layers)
        kept = one.clone()
        one.copy_(other)
        other.copy_(kept)
    assert not any(proof.passed for proof in prove_merge(base, adapter, wrong, PROMPTS))


def test_a_merge_into_four_bits_is_seen_by_weights_and_logits(
    base: Base, adapter: Path, tmp_path: Path
) -> None:
    """As one that merges into a 4-bit base and keeps it so: here by llama.cpp's Q4_0."""
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize, quantize

    wrong = merged(base, read_adapter(adapter), tmp_path)
    with torch.no_grad():
        for layer in wrong.model.layers:
            weight, kind = layer.mlp.up_proj.weight, GGMLQuantizationType.Q4_0
            weight.copy_(torch.from_numpy(dequantize(quantize(weight.numpy(), kind), kind)))
    assert not any(proof.passed for proof in prove_merge(base, adapter, wrong, PROMPTS))


def test_what_is_not_in_the_weights_is_seen_by_the_logits(base: Base, adapter: Path, tmp_path: Path) -> None:
    wrong = merged(base, read_adapter(adapter), tmp_path)
    for layer in wrong.model.layers:
        layer.self_attn.scaling *= 1.5
    weights, logits = prove_merge(base, adapter, wrong, PROMPTS)
    assert weights.passed
    assert not logits.passed


def test_a_weight_that_is_no_number_is_seen(base: Base, adapter: Path, tmp_path: Path) -> None:
    wrong = merged(base, read_adapter(adapter), tmp_path)
    with torch.no_grad():
        wrong.model.norm.weight[0] = float("nan")
    assert not any(proof.passed for proof in prove_merge(base, adapter, wrong, PROMPTS))
