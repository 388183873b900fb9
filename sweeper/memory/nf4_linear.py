"""A linear layer that takes the memory of bitsandbytes' Linear4bit, on fake tensors too.

bitsandbytes itself refuses tensors without data. The storage is its own: two weights a byte, an
absmax for each block of 64, quantised once more in blocks of 256 (Dettmers et al. 2023, "QLoRA",
arXiv 2305.14314, section 3). The values are meaningless.
"""

from typing import Any

import torch
from torch import nn

BLOCK = 64
NESTED_BLOCK = 256
_NF4_CODE, _DYNAMIC_CODE = 16, 256


class _Matmul4Bit(torch.autograd.Function):
    """Dequantises for the forward product and again for the backward one; keeps only what is packed."""

    @staticmethod
    def forward(
        context: Any, inputs: torch.Tensor, packed: torch.Tensor, absmax: torch.Tensor, bias: Any, shape: Any
    ) -> torch.Tensor:
        context.save_for_backward(packed, absmax)
        context.shape = shape
        return nn.functional.linear(inputs, _dequantised(absmax, shape, inputs.dtype), bias)

    @staticmethod
    def backward(context: Any, grad: torch.Tensor) -> Any:
        _, absmax = context.saved_tensors
        weight = _dequantised(absmax, context.shape, grad.dtype)
        return torch.matmul(grad, weight), None, None, None, None


def _dequantised(absmax: torch.Tensor, shape: tuple[int, int], dtype: torch.dtype) -> torch.Tensor:
    """The whole weight, for a moment, while its absmax lives in fp32."""
    scales = torch.empty(absmax.shape, dtype=torch.float32, device=absmax.device)
    weight = torch.empty(shape, dtype=dtype, device=absmax.device)
    del scales
    return weight


class Nf4Linear(nn.Linear):
    """Stands in for a frozen layer in nf4 with double quantisation.

    Inputs are cast to `compute_dtype` and the output back, as Linear4bit does.
    """

    def __init__(self, replaced: nn.Linear, compute_dtype: torch.dtype) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = replaced.in_features, replaced.out_features
        self.compute_dtype = compute_dtype
        count = replaced.weight.numel()
        blocks = -(-count // BLOCK)
        self.weight = nn.Parameter(torch.empty(-(-count // 2), 1, dtype=torch.uint8), requires_grad=False)
        self.register_buffer("absmax", torch.empty(blocks, dtype=torch.uint8))
        self.register_buffer("code", torch.empty(_NF4_CODE))
        self.register_buffer("nested_absmax", torch.empty(-(-blocks // NESTED_BLOCK)))
        self.register_buffer("nested_code", torch.empty(_DYNAMIC_CODE))
        self.register_buffer("offset", torch.empty(()))
        self.bias = replaced.bias

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        shape = (self.out_features, self.in_features)
        output: torch.Tensor = _Matmul4Bit.apply(
            inputs.to(self.compute_dtype), self.weight, self.absmax, self.bias, shape
        )
        return output.to(inputs.dtype)


def quantise_linears(model: nn.Module, output_head: nn.Module | None, compute_dtype: torch.dtype) -> None:
    """Replaces every linear layer but the output head, as transformers' quantiser does."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear) and child is not output_head:
                setattr(parent, name, Nf4Linear(child, compute_dtype))
