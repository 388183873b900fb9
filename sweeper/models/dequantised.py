"""A .gguf base as an ordinary model folder, kept by the hash of its file."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from sweeper.models.reference import BaseReference
from sweeper.space.model_settings import BaseDtype

_HASH_CHARACTERS = 32


def dequantised_folder(reference: BaseReference, dtype: BaseDtype, cache: Path) -> Path:
    """The folder in `cache` with the weights of a .gguf base in `dtype`; made where it is not there.

    Whole or not at all, so that workers may ask for the same one at a time.
    """
    path = reference.gguf_path
    assert path is not None, "asked for .gguf bases only"
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    folder = cache / f"{digest[:_HASH_CHARACTERS]}-{dtype}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    writing = Path(tempfile.mkdtemp(dir=cache, prefix="writing-"))
    try:
        _save(reference, dtype, writing)
        os.rename(writing, folder)
    except OSError:
        if not folder.is_dir():  # another worker was quicker: its folder is as good
            raise
    finally:
        shutil.rmtree(writing, ignore_errors=True)
    return folder


def _save(reference: BaseReference, dtype: BaseDtype, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        reference.source,
        dtype=getattr(torch, dtype),
        gguf_file=reference.gguf_file,
        quantization_config=GgufConfig(dequantize=True),
    )
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config  # the folder's weights are no longer a GGUF's
    model.save_pretrained(folder)
