"""llama.cpp's own converters to GGUF, of model folders and of PEFT adapters, in processes of their own."""

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from sweeper.errors import InputError, SweepError
from sweeper.promote.sdist import ROOT, VERSION, cache_root, fetch_sdist

_SCRIPT = "convert_hf_to_gguf.py"
_OF_ADAPTERS = "convert_lora_to_gguf.py"
_WANTED = (_SCRIPT, _OF_ADAPTERS, "LICENSE", "conversion/", "gguf-py/gguf/")


def find_converter(checkout: Path | None = None) -> Path:
    """The converter's script: in the user's own checkout of llama.cpp, else out of the pinned sdist.

    The latter (2 MB) is taken from the archive once and kept in the cache. Raises InputError where
    `checkout` holds none, and UnavailableError where the archive cannot be had.
    """
    if checkout is not None:
        script = checkout if checkout.name == _SCRIPT else checkout / _SCRIPT
        if not script.is_file():
            raise InputError(
                str(checkout), f"there is no {_SCRIPT}", "Give the folder of a llama.cpp checkout"
            )
        return script
    folder = _pinned()
    if not folder.is_dir():
        _extract(fetch_sdist(), folder)
    return folder / _SCRIPT


def converter_at_hand() -> Path | None:
    """The pinned converter where an earlier promotion has taken it out of the archive; nothing is fetched."""
    script = _pinned() / _SCRIPT
    return script if script.is_file() else None


def why_not_convertible(converter: Path, model_folder: Path, gguf: Path) -> str | None:
    """Why the converter does not take a model, by its settings and tokenizer alone: `model_folder` needs no
    weights. None where it takes it; `gguf` then is the model without them."""
    with tempfile.TemporaryDirectory() as folder:
        return _failure(converter, [str(model_folder), "--vocab-only"], gguf, Path(folder) / "log")


def convert_to_gguf(converter: Path, model_folder: Path, gguf: Path, log: Path) -> None:
    """Writes `gguf` in f16 from `model_folder`; what the converter says goes to `log`.

    Raises SweepError with the converter's last line where it fails; the log stays.
    """
    _run(converter, [str(model_folder), "--outtype", "f16"], gguf, log)


def convert_adapter_to_gguf(converter: Path, adapter: Path, base: Path, gguf: Path, log: Path) -> None:
    """Writes `gguf` in f32 from the PEFT folder `adapter`, by the script beside `converter`.

    `base` is the model's folder, of which only the configuration is read. Raises InputError where the
    script is missing, and SweepError as above.
    """
    script = converter.with_name(_OF_ADAPTERS)
    if not script.is_file():
        raise InputError(
            str(converter.parent), f"there is no {_OF_ADAPTERS}", "Give the folder of a llama.cpp checkout"
        )
    _run(script, [str(adapter), "--base", str(base), "--outtype", "f32"], gguf, log)


def _pinned() -> Path:
    return cache_root() / f"llama.cpp-{VERSION}-converters"


def _run(script: Path, arguments: list[str], gguf: Path, log: Path) -> None:
    if (failure := _failure(script, arguments, gguf, log)) is not None:
        raise SweepError(f"llama.cpp's converter failed: {failure} Its log is {log}.")


def _failure(script: Path, arguments: list[str], gguf: Path, log: Path) -> str | None:
    """What a script says last where it makes no file."""
    # The published gguf lacks what the converter needs, so its own must come first.
    paths = [str(script.parent / "gguf-py"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, str(script), *arguments, "--outfile", str(gguf)]
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    return _last_line(log) if done.returncode != 0 or not gguf.is_file() else None


def _extract(archive: Path, folder: Path) -> None:
    """Takes the converter's files out of the archive; `folder` appears whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="extract-") as temporary:
        with tarfile.open(archive) as tar:
            for member in tar:
                path = member.name.removeprefix(ROOT + "/")
                if path != member.name and member.isfile() and _is_wanted(path):
                    _write(tar, member, Path(temporary) / "llama.cpp" / path)
        try:
            (Path(temporary) / "llama.cpp").rename(folder)
        except OSError:
            # Another process was quicker: its copy is as good.
            if not folder.is_dir():
                raise


def _is_wanted(path: str) -> bool:
    return path.startswith(_WANTED) and ".." not in path.split("/")


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """Copies content only: neither links nor permissions come out of the archive."""
    source = tar.extractfile(member)
    assert source is not None, "a regular file has content"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read())


def _last_line(log: Path) -> str:
    """The last line that says something; of a traceback that is the error itself."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    line = next((line for line in reversed(lines) if line), "it said nothing")
    return line if line.endswith(".") else line + "."
