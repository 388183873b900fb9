"""What a CUDA device holds beside live tensors: the process's context, and what the allocator wastes."""

CONTEXT_BYTES = 500 << 20
"""The CUDA context with the kernels' code and cuBLAS's workspace.

Fitted: published runs on an A100 told both the process (nvidia-smi) and the tensors; see docs/memory.md.
"""

FRAGMENTATION_SHARE = 0.03
"""Of what a step makes and drops again (activations, logits, gradients): free pieces that nothing fits in.

Weights, adapters and optimizer state are made once and lie dense. When the device is full PyTorch gives
all wholly free segments back and asks again, so the larger gap that a replay of the allocator shows
while there is room does not count.
"""


def fragmentation_bytes(transient_bytes: int) -> int:
    """`transient_bytes` are those of the parts that come and go within a step."""
    return int(transient_bytes * FRAGMENTATION_SHARE)
