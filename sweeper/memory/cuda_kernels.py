"""What CUDA's kernels hold, replayed on fake tensors of any device.

PyTorch picks an attention kernel by device, and each saves other things for backward. Within
`cuda_kernels`, scaled_dot_product_attention is what it is on CUDA: FlashAttention-2 where there is
no mask and 16-bit inputs, else the memory-efficient kernel with the mask in the inputs' precision
(torch/nn/attention, aten/src/ATen/native/transformers). Not covered: cuDNN's kernel on Hopper.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

_ATEN: Any = torch.ops.aten
_HALF = (torch.bfloat16, torch.float16)


@contextmanager
def cuda_kernels() -> Iterator[None]:
    """Replaces attention and dropout by the kernels that CUDA would pick.

    The functions themselves are replaced: a TorchFunctionMode is off within backward, where
    checkpointed layers are computed again.
    """
    functional: Any = torch.nn.functional
    originals = functional.scaled_dot_product_attention, functional.dropout
    functional.scaled_dot_product_attention, functional.dropout = _cuda_attention, _cuda_dropout
    try:
        yield
    finally:
        functional.scaled_dot_product_attention, functional.dropout = originals


def _cuda_dropout(
    input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> torch.Tensor:
    """CUDA's kernel keeps a boolean mask; the CPU's keeps one of the input's type."""
    dropped: torch.Tensor = _ATEN.native_dropout(input, p, True)[0] if training and p > 0 else input
    return dropped


def _cuda_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    if torch.is_autocast_enabled("cpu"):
        query, key, value = (part.to(torch.bfloat16) for part in (query, key, value))
    if attn_mask is None and query.dtype in _HALF:
        return _ATEN._scaled_dot_product_flash_attention(
            query, key, value, dropout_p, is_causal, False, scale=scale
        )[0]
    groups = query.shape[-3] // key.shape[-3]
    if enable_gqa and groups > 1:
        key, value = key.repeat_interleave(groups, -3), value.repeat_interleave(groups, -3)
    bias = None if attn_mask is None else _bias(attn_mask, query, key)
    return _ATEN._scaled_dot_product_efficient_attention(
        query, key, value, bias, True, dropout_p, is_causal, scale=scale
    )[0]


def _bias(mask: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """The mask as the kernel takes it: additive, rows aligned to 8 elements, one for all heads.

    It is made anew in each layer and kept for backward there: with packed rows that is the mask's cost.
    """
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill_(mask.logical_not(), -math.inf)
    missing = -mask.shape[-1] % 16 if mask.shape[-1] % 8 else 0
    if missing:
        mask = torch.nn.functional.pad(mask, (0, missing))[..., : mask.shape[-1]]
    return mask.expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])


def _flash_backward_bytes(
    grad: torch.Tensor, query: torch.Tensor, key: torch.Tensor, *rest: Any, **named: Any
) -> int:
    """mha_bwd in flash_api.cpp: the query's gradient in fp32 over rounded shapes, and the row sums;
    where heads share keys, both gradients of the keys before they are summed over the group."""
    batch, heads, length, head_dim = query.shape
    rounded_length = -(-length // 128) * 128
    rounded_dim = -(-head_dim // 32) * 32 if head_dim <= 192 else 256
    accumulated = 4 * batch * heads * rounded_length * (rounded_dim + 1)
    expanded = 0
    if key.shape[1] != heads:
        expanded = 2 * key.element_size() * batch * heads * key.shape[2] * head_dim
    return accumulated + expanded


def _efficient_backward_bytes(grad: torch.Tensor, query: torch.Tensor, *rest: Any, **named: Any) -> int:
    """The kernel's workspace: the query's gradient in fp32 unless that is its own type, and the row sums."""
    batch, heads, length, head_dim = query.shape
    accumulated = 0 if query.dtype == torch.float32 else 4 * batch * heads * length * head_dim
    return int(accumulated + 4 * batch * heads * -(-length // 32) * 32)


WORKSPACES: Mapping[Any, Callable[..., int]] = {
    _ATEN._scaled_dot_product_flash_attention_backward.default: _flash_backward_bytes,
    _ATEN._scaled_dot_product_efficient_attention_backward.default: _efficient_backward_bytes,
}
"""Bytes that a kernel takes and gives back within one operation, from its arguments."""
