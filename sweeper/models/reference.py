"""Where a base model comes from, by the text in `model.base`."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BaseReference:
    """`source` is a hub id or a folder, as from_pretrained takes it; `gguf_file` a file in that folder."""

    text: str
    source: str
    gguf_file: str | None

    @property
    def gguf_path(self) -> Path | None:
        return Path(self.source) / self.gguf_file if self.gguf_file else None


def resolve_base(text: str, relative_to: Path) -> BaseReference:
    """Reads a hub id (org/model), a folder, a .gguf file, or package:NAME/FILE in an installed package.

    Raises InputError where a path or a package does not exist. Imports nothing heavy and asks no network.
    """
    raise NotImplementedError
