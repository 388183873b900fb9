"""Gradient checkpointing for a base that stays in eval mode, where transformers' own does nothing."""

from collections.abc import Sequence
from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint


def checkpoint_layers(layers: Sequence[nn.Module]) -> None:
    """Lets each layer keep its input alone, and compute the rest again in backward.

    Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", arXiv 1604.06174. Gradients are
    the same to the bit where the layer draws no random numbers. May not be undone.
    """
    for layer in layers:
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
