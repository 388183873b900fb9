"""Bases as they are held: in which precision, in 4 bit, and by one kernel in training and scoring."""

from pathlib import Path

import pytest
import torch

from sweeper.errors import InputError
from sweeper.models import dequantised
from sweeper.models.load import load_base
from sweeper.models.precision import Precision
from sweeper.models.reference import BaseReference
from tests.tiny_base import save_tiny_base


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> BaseReference:
    return BaseReference("tiny", str(save_tiny_base(tmp_path_factory.mktemp("base"))), None)


IDS = torch.arange(40)[None]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_a_base_computes_the_same_with_gradients_and_without(
    reference: BaseReference, dtype: str, quantization: str
) -> None:
    """Linear4bit would go to another kernel on some CPUs: training and scoring would differ."""
    model = load_base(reference, Precision(dtype, quantization)).model  # type: ignore[arg-type]
    assert str(model.dtype) == f"torch.{dtype}"
    layer = model.model.layers[0].mlp.up_proj
    assert layer.weight.numel() == 32 * 64 // (2 if quantization == "nf4" else 1)
    assert isinstance(layer, torch.nn.Linear)
    embedded = model.get_input_embeddings()(IDS).detach().requires_grad_()
    with_gradients = model(inputs_embeds=embedded).logits
    with torch.inference_mode():
        without = model(input_ids=IDS).logits
    assert torch.equal(with_gradients.detach(), without)
    with_gradients.float().sum().backward()
    assert embedded.grad is not None


def test_nf4_is_near_the_base_it_holds(reference: BaseReference) -> None:
    with torch.inference_mode():
        plain = load_base(reference).model(input_ids=IDS).logits
        held = load_base(reference, Precision(quantization="nf4")).model(input_ids=IDS).logits
    away = float((held - plain).norm() / plain.norm())
    print(f"logits of the nf4 base lie {away:.3f} of their size away")
    assert 0.005 < away < 0.5


def test_attention_is_computed_as_it_is_written(reference: BaseReference) -> None:
    assert load_base(reference, Precision(attention="eager")).model.config._attn_implementation == "eager"
    assert load_base(reference).model.config._attn_implementation == "sdpa"


def test_attention_that_an_architecture_lacks_is_told(
    reference: BaseReference, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import LlamaForCausalLM

    monkeypatch.setattr(LlamaForCausalLM, "_supports_sdpa", False)
    with pytest.raises(InputError, match="is sdpa, and this architecture has it not"):
        load_base(reference, Precision(attention="sdpa"))


def test_a_gguf_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small.gguf").write_bytes(b"GGUF and more")
    of_file = BaseReference("small.gguf", str(tmp_path), "small.gguf")
    written: list[str] = []

    def save(reference: BaseReference, dtype: str, folder: Path) -> None:
        written.append(dtype)
        (folder / "config.json").write_text("{}")

    monkeypatch.setattr(dequantised, "_save", save)
    cache = tmp_path / "cache"
    first = dequantised.dequantised_folder(of_file, "bfloat16", cache)
    assert dequantised.dequantised_folder(of_file, "bfloat16", cache) == first
    assert dequantised.dequantised_folder(of_file, "float32", cache) != first
    (tmp_path / "small.gguf").write_bytes(b"GGUF and other")
    assert dequantised.dequantised_folder(of_file, "bfloat16", cache) != first
    assert written == ["bfloat16", "float32", "bfloat16"]
    assert sorted(path.name for path in cache.iterdir() if path.name.startswith("writing")) == []
