"""The surroundings in which a real training step runs on fake tensors."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

_ATEN: Any = torch.ops.aten
_PRIM: Any = torch.ops.prim


@contextmanager
def fake_tensors() -> Iterator[None]:
    """Within it, tensors have shapes and types but no data, and modules may be moved and cast."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with ExitStack() as stack:
        stack.enter_context(_convertible_modules())
        stack.enter_context(_untraced_masks())
        stack.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        yield


@contextmanager
def _convertible_modules() -> Iterator[None]:
    """Module.to() swaps tensors of a fake module in place, which fails: here they are replaced."""
    original = nn.Module._apply

    def replace(module: nn.Module, convert: Callable[[Any], Any], recurse: bool = True) -> nn.Module:
        if recurse:
            for child in module.children():
                replace(child, convert)
        for name, parameter in module._parameters.items():
            if parameter is not None:
                with torch.no_grad():
                    converted = convert(parameter)
                if (converted.device, converted.dtype) != (parameter.device, parameter.dtype):
                    module._parameters[name] = nn.Parameter(converted, parameter.requires_grad)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = convert(buffer)
        return module

    nn.Module._apply = replace  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module._apply = original  # type: ignore[method-assign]


@contextmanager
def _untraced_masks() -> Iterator[None]:
    """transformers takes fake tensors for an export, and then makes masks that training does without."""
    from transformers import masking_utils

    original = masking_utils.is_tracing
    masking_utils.is_tracing = lambda tensor=None: False
    try:
        yield
    finally:
        masking_utils.is_tracing = original


class AnsweredFromShape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Answers what a program asks of values that fake tensors do not have.

    A boolean mask selects `selected` positions, however large it is; a number read from a tensor is
    1.0. Selecting goes the way of the real kernels: the mask becomes indices first.
    """

    def __init__(self, selected: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.selected = selected

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is _PRIM.device.default:  # asked for all the time, and each time through all modes
            return args[0].fake_device
        if func is _ATEN._local_scalar_dense.default:
            return 1.0
        if func is _ATEN.nonzero.default:
            return self._positions(args[0])
        if func is _ATEN.index.Tensor and any(_selects(index) for index in args[1]):
            return func(args[0], self._indices(args[1]))
        return func(*args, **(kwargs or {}))

    def _indices(self, indices: list[torch.Tensor | None]) -> list[torch.Tensor | None]:
        columns: list[torch.Tensor | None] = []
        for index in indices:
            if index is None or not _selects(index):
                columns.append(index)
            else:
                columns += self._positions(index).unbind(1)
        return columns

    def _positions(self, mask: torch.Tensor) -> torch.Tensor:
        return mask.new_empty((self.selected, mask.dim()), dtype=torch.long)


def _selects(index: torch.Tensor | None) -> bool:
    return index is not None and index.dtype in (torch.bool, torch.uint8)
