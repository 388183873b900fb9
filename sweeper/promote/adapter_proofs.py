"""Proofs that an adapter's .gguf file is the adapter that was trained, by PEFT and not by our own formula."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.promote.proofs import Proof

if TYPE_CHECKING:
    from torch import Tensor

WRITTEN = "written adapter = adapter by PEFT"
IN_FILE = "adapter's file = adapter by PEFT"

DELTA_BOUND = 1e-5
"""Allowed difference, as a share: fp32 rounds B, and sums in another order, some hundred times closer."""

_ALPHA = "adapter.lora.alpha"
_COPY = "written"


def prove_adapter(adapted: Any, written: Path, gguf: Path) -> list[Proof]:
    """`adapted` is the base under PEFT with the adapter that was trained, `written` the folder that `gguf`
    was converted from.

    Layer by layer the written adapter must change the weights as the trained one does; and all that the
    file would add to the base must be as long (root of the sum of squares), which is the same in whatever
    order llama.cpp keeps rows. The first sees one layer that is scaled wrongly, the second one alpha for
    all, or a layer left out. That no layer took another's place is for the log probabilities to tell.
    """
    adapted.load_adapter(str(written), adapter_name=_COPY)
    try:
        furthest, where, squares = _compare(adapted)
    finally:
        adapted.delete_adapter(_COPY)
    detail = f"the furthest layer is {furthest:.1e} of its change off (allowed {DELTA_BOUND:g}), {where}"
    return [Proof(WRITTEN, furthest <= DELTA_BOUND, detail), _prove_file(gguf, math.sqrt(squares))]


def _compare(adapted: Any) -> tuple[float, str, float]:
    """The largest difference between the two as a share of a layer's largest change, the layer, and the
    sum of squares of all that the trained adapter changes."""
    import torch

    furthest, where, squares = 0.0, "no layer", 0.0
    with torch.inference_mode():
        for name, trained, written in _deltas(adapted):
            difference = (written - trained).abs().max().item()
            share = difference / max(trained.abs().max().item(), torch.finfo(torch.float32).tiny)
            if not share <= furthest:  # NaN counts as far
                furthest, where = share, name
            squares += trained.double().pow(2).sum().item()
    return furthest, where, squares


def _deltas(adapted: Any) -> "Iterator[tuple[str, Tensor, Tensor]]":
    """Name, and what each of the two adapters adds to the layer's weight."""
    for name, layer in adapted.base_model.model.named_modules():
        if hasattr(layer, "get_delta_weight") and "default" in layer.lora_A:
            yield name, layer.get_delta_weight("default").float(), layer.get_delta_weight(_COPY).float()


def _prove_file(gguf: Path, wanted: float) -> Proof:
    layers, found = _length_in_file(gguf)
    off = abs(found - wanted) / wanted if wanted else found
    detail = f"{layers} layers; the change of all weights is {found:.6g} long, by PEFT {wanted:.6g}"
    return Proof(IN_FILE, off <= DELTA_BOUND, detail)


def _length_in_file(gguf: Path) -> tuple[int, float]:
    """The number of layers, and the Frobenius norm of all that llama.cpp will add: alpha / r times B A.

    |B A|² is the sum over the entries of (BᵀB) (A Aᵀ), so that no matrix larger than r × r is made.
    """
    import numpy as np
    from gguf import GGUFReader

    file = GGUFReader(gguf)
    field = file.get_field(_ALPHA)
    alpha = float(field.contents()) if field is not None else 0.0
    tensors = {tensor.name: tensor for tensor in file.tensors}
    layers = [name.removesuffix(".lora_a") for name in tensors if name.endswith(".lora_a")]
    total = 0.0
    for layer in layers:
        a, b = (np.asarray(tensors[f"{layer}.lora_{side}"].data, dtype=np.float64) for side in "ab")
        scale = alpha / b.shape[-1] if alpha else 1.0  # as llama.cpp has it
        total += scale**2 * float(((b.swapaxes(-1, -2) @ b) * (a @ a.swapaxes(-1, -2))).sum())
    return len(layers), math.sqrt(total)
