"""Tensors that are read and written a few rows at a time, so that no model is ever held whole."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from sweeper.errors import SweepError

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

Shape = tuple[int, ...]

BLOCK_ELEMENTS = 1 << 22
"""Numbers that are worked on at once: 16 MB in fp32, of which a merge holds a few."""


class TensorSource(Protocol):
    """Named tensors. `rows` gives those from `start` to `stop` of the first dimension."""

    @property
    def shapes(self) -> Mapping[str, Shape]: ...

    def rows(self, name: str, start: int, stop: int) -> "Tensor": ...


class StoredTensors:
    """Those in .safetensors files. Files are mapped anew for each piece: what was read of a mapped file
    counts as our memory until it is closed."""

    def __init__(self, files: Sequence[Path]) -> None:
        from safetensors import safe_open

        self._files: dict[str, Path] = {}
        self.shapes: dict[str, Shape] = {}
        for path in files:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - no mapping
                    self._files[name] = path
                    self.shapes[name] = tuple(file.get_slice(name).get_shape())

    def rows(self, name: str, start: int, stop: int) -> "Tensor":
        from safetensors import safe_open

        with safe_open(self._files[name], framework="pt") as file:
            piece: Tensor = file.get_slice(name)[start:stop].clone()
        return piece


class LoadedTensors:
    """Those of a model in memory; of tied ones the one that is stored."""

    def __init__(self, model: "PreTrainedModel") -> None:
        tied = tied_names(model)
        self._tensors = {name: value for name, value in model.state_dict().items() if name not in tied}
        self.shapes = {name: tuple(value.shape) for name, value in self._tensors.items()}

    def rows(self, name: str, start: int, stop: int) -> "Tensor":
        return self._tensors[name][start:stop].cpu()


def tied_names(model: "PreTrainedModel") -> set[str]:
    """Names of tensors that are another's, and not stored."""
    is_tied = model.config.get_text_config().tie_word_embeddings
    return set(getattr(model, "all_tied_weights_keys", None) or ()) if is_tied else set()


def blocks(shape: Shape) -> Iterator[tuple[int, int]]:
    """Start and stop of each piece of a tensor's first dimension, so that a piece is small."""
    row_elements = math.prod(shape[1:])
    step = max(1, BLOCK_ELEMENTS // max(row_elements, 1))
    for start in range(0, shape[0], step):
        yield start, min(start + step, shape[0])


class Float16File:
    """Writes a .safetensors file in float16 from beginning to end. The library has no writer that does
    not hold all tensors at once.

    The format: the header's length in 8 bytes, the header as JSON, then the tensors without gaps.
    """

    def __init__(self, path: Path, shapes: Mapping[str, Shape]) -> None:
        header: dict[str, object] = {"__metadata__": {"format": "pt"}}
        end = 0
        for name, shape in shapes.items():
            start, end = end, end + 2 * math.prod(shape)
            header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [start, end]}
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        self.path, self._left = path, end
        self._file = path.open("wb")
        self._file.write(len(text).to_bytes(8, "little") + text)

    def write(self, piece: "Tensor") -> None:
        """The next piece of the tensor that is being written, in the order of `shapes`."""
        content = piece.contiguous().numpy()
        self._left -= content.nbytes
        content.tofile(self._file)

    def __enter__(self) -> "Float16File":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None and self._left:
            raise SweepError(f"{self.path} lacks {self._left} bytes of its tensors")
