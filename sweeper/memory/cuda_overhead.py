"""What a CUDA device holds beside live tensors: the process's context, and what the allocator wastes."""

CONTEXT_BYTES = 1100 << 20
"""The CUDA context: the driver's own, the kernels' code, the libraries' workspaces.

Fitted: six published runs of Mistral-7B on an A100 told what nvidia-smi saw. Less what the replayed
allocator reserves, 1,102 to 1,718 MiB are left; the smallest is what all have, and the rest is taken for
what loading left in the cache, which PyTorch gives back when the device is full. Smaller cards have less.
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
