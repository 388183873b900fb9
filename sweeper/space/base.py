"""Where a base model comes from, by the text in `model.base`."""

import importlib.util
import os
import pkgutil
import re
from dataclasses import dataclass
from pathlib import Path

from sweeper.errors import InputError
from sweeper.space.suggest import closest
from sweeper.space.text_file import similar_file

_PACKAGE = "package:"
_FORMS = "Write a hub id (org/model), a folder, a .gguf file, or package:NAME/FILE"
_HUB_ID = re.compile(r"(?!.*(--|\.\.))(\w([\w.-]*\w)?/)?\w([\w.-]*\w)?", re.ASCII)
_GGUF_MAGIC = b"GGUF"


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

    Paths are relative to the folder `relative_to`. Where a hub id names a folder there as well, the
    folder is meant. Raises InputError where a path or a package does not exist or holds no model.
    Imports nothing heavy, not even the package, and asks no network: a hub id is checked for its form.
    """
    if text.startswith(_PACKAGE):
        return _at_path(text, _in_package(text))
    path = Path(os.path.abspath(relative_to / os.path.expanduser(text)))
    if _looks_like_path(text) or path.is_dir():
        return _at_path(text, path)
    if _HUB_ID.fullmatch(text) and len(text) <= 96:
        return BaseReference(text, text, None)
    address = re.fullmatch(r"https?://[^/]+/([\w.-]+/[\w.-]+)/?", text)
    fix = f"Write {address[1]}" if address else _FORMS
    raise InputError(text, "this is no hub id, and no such folder or file exists", fix)


def _looks_like_path(text: str) -> bool:
    return text.startswith(("/", "./", "../", "~")) or text in (".", "..") or text.lower().endswith(".gguf")


def _at_path(text: str, path: Path) -> BaseReference:
    if path.is_file():
        _check_gguf(text, path)
        return BaseReference(text, str(path.parent), path.name)
    if not path.is_dir():
        raise InputError(text, f"there is no {path}", similar_file(path))
    if (path / "config.json").is_file():
        return BaseReference(text, str(path), None)
    if (path / "adapter_config.json").is_file():
        raise InputError(
            text, "this folder holds an adapter, must hold a whole model", "Name the adapter's base"
        )
    ggufs = sorted(path.glob("*.gguf"))
    fix = f"Name the file itself: {ggufs[0].name}" if ggufs else "Name the folder that from_pretrained reads"
    raise InputError(text, f"the folder {path} holds no config.json", fix)


def _check_gguf(text: str, path: Path) -> None:
    try:
        with open(path, "rb") as file:
            start = file.read(8)
    except OSError as error:
        raise InputError(text, f"cannot be read ({error.strerror})", "Check the file's rights") from None
    if start.startswith(_GGUF_MAGIC):
        return
    if start == b"version ":
        raise InputError(
            text, "this is a Git LFS pointer and not the model", "Fetch the file with `git lfs pull`"
        )
    if path.suffix.lower() != ".gguf":
        raise InputError(
            text, "this file is no GGUF", "Name the folder that holds the model, or a .gguf file"
        )
    raise InputError(text, "this file does not start with the bytes GGUF", "Download it again")


def _in_package(text: str) -> Path:
    name, _, file = text.removeprefix(_PACKAGE).partition("/")
    if not file or ".." in Path(file).parts or Path(file).is_absolute():
        raise InputError(text, "this names no file in the package", "Write package:NAME/FILE")
    folders = _package_folders(text, name)
    found = next((folder / file for folder in folders if (folder / file).exists()), None)
    if found:
        return found
    raise InputError(
        text, f"the package {name} is installed, but holds no {file}", similar_file(folders[0] / file)
    )


def _package_folders(text: str, name: str) -> list[Path]:
    """The folders of an installed package, found without running its __init__."""
    if name.isidentifier():
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            return [Path(folder) for folder in spec.submodule_search_locations]
        if spec is not None:
            raise InputError(text, f"{name} is a module without a folder", "Write package:NAME/FILE")
    installed = (module.name for module in pkgutil.iter_modules() if module.ispkg)
    near = closest(name, installed, cutoff=0.8)
    if near:
        raise InputError(text, f"there is no package {name} installed", f"Did you mean 'package:{near}'?")
    fix = (
        f"Install it with `pip install --no-deps {name.replace('_', '-')}`: its files are all that is needed"
    )
    raise InputError(text, f"the package {name} is not installed", fix)
