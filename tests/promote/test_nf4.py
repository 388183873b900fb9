"""The dequantised nf4 base is what bitsandbytes computes with, and a merge into it is proven as such."""

from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.models.load import load_base
from sweeper.models.precision import Precision
from sweeper.models.reference import BaseReference
from sweeper.promote import tensors
from sweeper.promote.adapter import read_adapter
from sweeper.promote.merge import MergeBase, merge_adapter, stored_base
from sweeper.promote.merge_proofs import prove_merge
from sweeper.promote.nf4 import dequantised_nf4, exact_value, load_nf4_exactly
from tests.promote.tiny import save_adapter, tiny_base

PROMPTS = [list(range(20)), list(range(40, 50))]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> BaseReference:
    folder = tmp_path_factory.mktemp("base")
    return tiny_base(folder).reference


@pytest.fixture(scope="module")
def adapter(reference: BaseReference, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_adapter(load_base(reference), tmp_path_factory.mktemp("adapter"))


def stored(reference: BaseReference) -> MergeBase:
    found = stored_base(reference)
    assert found is not None
    return found


def merged(source: MergeBase, adapter: Path, folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    merge_adapter(source, read_adapter(adapter), folder)
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("piece", [tensors.BLOCK_ELEMENTS, 100], ids=["whole", "in pieces"])
def test_each_tensor_is_what_bitsandbytes_holds(
    reference: BaseReference, dtype: Any, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the bit, also where pieces of rows end inside a block of 64 weights."""
    monkeypatch.setattr(tensors, "BLOCK_ELEMENTS", piece)
    held = load_nf4_exactly(reference, Precision(dtype, "nf4"), None).model
    found = dequantised_nf4(stored(reference), dtype)
    in_4bit = 0
    for name, parameter in held.named_parameters():
        wanted = exact_value(parameter)
        rows = [found.tensors.rows(name, *each) for each in tensors.blocks(tuple(wanted.shape))]
        assert torch.equal(torch.cat(rows), wanted), name
        in_4bit += hasattr(parameter, "quant_state")
    assert in_4bit == 2 * 7


def test_a_merge_into_the_dequantised_base_is_the_nf4_model_with_its_adapter(
    reference: BaseReference, adapter: Path, tmp_path: Path
) -> None:
    base = load_nf4_exactly(reference, Precision(quantization="nf4"), None)
    right = merged(dequantised_nf4(stored(reference), "float32"), adapter, tmp_path)
    proofs = prove_merge(base, adapter, right, PROMPTS)
    assert [proof.passed for proof in proofs] == [True, True], proofs


def test_each_merge_is_proven_against_its_own_base_alone(
    reference: BaseReference, adapter: Path, tmp_path: Path
) -> None:
    nf4 = load_nf4_exactly(reference, Precision(quantization="nf4"), None)
    into_original = merged(stored(reference), adapter, tmp_path / "original")
    assert not any(proof.passed for proof in prove_merge(nf4, adapter, into_original, PROMPTS))
    into_nf4 = merged(dequantised_nf4(stored(reference), "float32"), adapter, tmp_path / "nf4")
    assert not any(proof.passed for proof in prove_merge(load_base(reference), adapter, into_nf4, PROMPTS))
    assert all(proof.passed for proof in prove_merge(load_base(reference), adapter, into_original, PROMPTS))


def test_a_merge_that_is_stored_in_4_bit_is_refused(
    reference: BaseReference, adapter: Path, tmp_path: Path
) -> None:
    """What PEFT's merge_and_unload does to a 4-bit base: the sum is rounded to nf4 again."""
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    base = load_nf4_exactly(reference, Precision(quantization="nf4"), None)
    wrong = merged(dequantised_nf4(stored(reference), "float32"), adapter, tmp_path)
    with torch.no_grad():
        for layer in wrong.model.layers:
            weight = layer.mlp.up_proj.weight
            weight.copy_(dequantize_4bit(*quantize_4bit(weight, compress_statistics=True, quant_type="nf4")))
    assert not any(proof.passed for proof in prove_merge(base, adapter, wrong, PROMPTS))
