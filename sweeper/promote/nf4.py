"""The nf4 base that a trial was trained on, as numbers that an adapter can be merged into.

Dettmers et al. 2023, "QLoRA", arXiv 2305.14314: blocks of 64 weights share a scale, and blocks of 256
scales share one again, after their mean over the whole tensor was taken off. bitsandbytes quantises a
tensor at once; here it goes a few rows at a time, with the same result to the bit.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.models.load import Base, load_base
from sweeper.models.precision import Precision
from sweeper.models.reference import BaseReference
from sweeper.promote.merge import MergeBase
from sweeper.promote.tensors import Shape, TensorSource, blocks
from sweeper.space.model_settings import BaseDtype

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

_BLOCK, _SCALES_BLOCK = 64, 256


def dequantised_nf4(base: MergeBase, dtype: BaseDtype) -> MergeBase:
    """`base` as a worker holds it in nf4 with `dtype`, dequantised to fp32.

    What stays in `dtype` there (embeddings, norms, the output layer) is rounded to it. Memory beyond
    `base`'s own: a tensor in 4 bit, and the scales of its blocks.
    """
    return MergeBase(base.structure, _Nf4Tensors(base.tensors, _held_in_4bit(base.structure), dtype))


def load_nf4_exactly(reference: BaseReference, precision: Precision, dequantised: Path | None) -> Base:
    """The nf4 base by bitsandbytes, on the CPU, with the weights that `precision` gives it and computing
    in fp32: so that proofs see another model and not the rounding of activations."""
    import torch
    from bitsandbytes.nn import Linear4bit

    base = load_base(reference, dataclasses.replace(precision, device="cpu"), dequantised)
    for module in base.model.modules():
        if isinstance(module, Linear4bit):
            module.compute_dtype = module.weight.quant_state.dtype = torch.float32
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            if tensor.is_floating_point():
                tensor.data = tensor.data.float()
    base.model.config.dtype = torch.float32
    return base


def exact_value(parameter: "Tensor") -> "Tensor":
    """A parameter in fp32; of one that is held in 4 bit, what bitsandbytes makes of it."""
    state = getattr(parameter, "quant_state", None)
    if state is None:
        return parameter.float()
    from bitsandbytes.functional import dequantize_4bit

    value: Tensor = dequantize_4bit(parameter.data, state).float()
    return value


def _held_in_4bit(structure: "PreTrainedModel") -> frozenset[str]:
    """Names of the weights that transformers puts into 4 bit, by transformers' own rule on a skeleton."""
    import torch
    from bitsandbytes.nn import Linear4bit
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig
    from transformers.quantizers import AutoHfQuantizer

    with torch.device("meta"):
        skeleton = AutoModelForCausalLM.from_config(structure.config)
    quantizer = AutoHfQuantizer.from_config(BitsAndBytesConfig(load_in_4bit=True), pre_quantized=False)
    quantizer.preprocess_model(skeleton, device_map={"": "cpu"})
    return frozenset(
        f"{name}.weight" for name, layer in skeleton.named_modules() if isinstance(layer, Linear4bit)
    )


class _Nf4Tensors:
    """The tensors of another source: those `in_4bit` quantised and back, all others rounded to `dtype`."""

    def __init__(self, source: TensorSource, in_4bit: frozenset[str], dtype: BaseDtype) -> None:
        import torch

        self._source, self._in_4bit = source, in_4bit
        self._dtype = getattr(torch, dtype)
        self._held: tuple[str, _Quantised] | None = None
        self.shapes: Mapping[str, Shape] = source.shapes

    def rows(self, name: str, start: int, stop: int) -> "Tensor":
        if name not in self._in_4bit:
            return self._source.rows(name, start, stop).to(self._dtype).float()
        if self._held is None or self._held[0] != name:
            self._held = None  # its memory is free before the next one takes its own
            self._held = name, _quantise(self._source, name, self._dtype)
        return self._held[1].rows(start, stop)


@dataclass(frozen=True, slots=True)
class _Quantised:
    """A matrix in nf4. `packed` has two weights in a byte, `scales` (fp32, quantised and back) one number
    for each block of its flat weights."""

    packed: "Tensor"
    scales: "Tensor"
    columns: int

    def rows(self, start: int, stop: int) -> "Tensor":
        """From a row on at which a block begins. bitsandbytes gets the true number of columns, by which
        its kernel for the CPU goes: where a row is no whole number of blocks, other numbers come out."""
        import torch
        from bitsandbytes.functional import QuantState, dequantize_4bit

        first = start // _BLOCK * _BLOCK
        begin, end = first * self.columns, stop * self.columns
        state = QuantState(
            absmax=self.scales[begin // _BLOCK : math.ceil(end / _BLOCK)],
            shape=torch.Size([stop - first, self.columns]),
            dtype=torch.float32,
            blocksize=_BLOCK,
            quant_type="nf4",
        )
        packed = self.packed[begin // 2 : math.ceil(end / 2)]
        value: Tensor = dequantize_4bit(packed.view(-1, 1), state)
        return value[start - first :]


def _quantise(source: TensorSource, name: str, dtype: Any) -> _Quantised:
    """In pieces of whole blocks: a block is quantised by itself, but for its scale."""
    import torch
    from bitsandbytes.functional import quantize_4bit

    rows, columns = source.shapes[name]
    packed, scales = [], []
    for start, stop in _block_rows((rows, columns)):
        piece = source.rows(name, start, stop).to(dtype).contiguous()
        codes, state = quantize_4bit(piece, blocksize=_BLOCK, quant_type="nf4")
        packed.append(codes.flatten())
        scales.append(state.absmax)
    return _Quantised(torch.cat(packed), _doubly_quantised(torch.cat(scales)), columns)


def _block_rows(shape: Shape) -> list[tuple[int, int]]:
    """Pieces of 64 rows or a multiple, which end where a block ends whatever the number of columns."""
    step = max(stop - start for start, stop in blocks(shape)) // _BLOCK * _BLOCK or _BLOCK
    return [(start, min(start + step, shape[0])) for start in range(0, shape[0], step)]


def _doubly_quantised(scales: "Tensor") -> "Tensor":
    """The scales as they come back out of bitsandbytes' second quantisation."""
    from bitsandbytes.functional import dequantize_blockwise, quantize_blockwise

    offset = scales.mean()
    codes, state = quantize_blockwise(scales - offset, blocksize=_SCALES_BLOCK)
    value: Tensor = dequantize_blockwise(codes, state) + offset
    return value.float()
