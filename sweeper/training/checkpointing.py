"""Gradient checkpointing for a base that stays in eval mode, where transformers' own does nothing."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


def decoder_layers(model: Any) -> list[nn.Module]:
    """The model's decoder layers, first to last. Raises LookupError where there is no list of them."""
    count = model.config.get_text_config().num_hidden_layers
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return list(module)
    raise LookupError(f"{type(model).__name__} has no list of {count} decoder layers")


class LayerCheckpointing:
    """While `is_on`, each layer keeps its input alone and computes the rest again in backward.

    Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", arXiv 1604.06174. Gradients are
    the same to the bit where the layer draws no random numbers. A layer is to be wrapped once.
    """

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        self.is_on = False
        for layer in layers:
            layer.forward = self._switched(layer.forward)

    def _switched(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            if self.is_on and torch.is_grad_enabled():
                return checkpoint(forward, *args, use_reentrant=False, **kwargs)
            return forward(*args, **kwargs)

        return run
