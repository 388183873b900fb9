"""Tells a tracker where in the step it is, and which storages become gradients."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from sweeper.memory.tracker import OUTSIDE, LiveTracker


def mark_layers(layers: Sequence[nn.Module], tracker: LiveTracker) -> None:
    """Opens a segment before each layer's forward, behind the last one, and before each one's backward."""
    for index, layer in enumerate(layers):
        last = index == len(layers) - 1
        _mark_layer(layer, index, last, tracker)


def _mark_layer(layer: nn.Module, index: int, last: bool, tracker: LiveTracker) -> None:
    def before(module: nn.Module, args: Any) -> None:
        tracker.segment = ("forward", index)

    def after(module: nn.Module, args: Any, output: Any) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        if last:
            tracker.segment = ("head", OUTSIDE)
        if hidden.requires_grad:
            hidden.register_hook(before_backward)

    def before_backward(grad: torch.Tensor) -> None:
        tracker.segment = ("backward", index)

    layer.register_forward_pre_hook(before)
    layer.register_forward_hook(after)


def mark_gradients(parameters: Iterable[nn.Parameter], tracker: LiveTracker) -> None:
    """Counts a parameter's gradient as one from the moment it is stored."""

    def stored(parameter: torch.Tensor) -> None:
        if parameter.grad is not None:
            tracker.keep_as(parameter.grad, "gradients")

    for parameter in parameters:
        parameter.register_post_accumulate_grad_hook(stored)  # type: ignore[no-untyped-call]
