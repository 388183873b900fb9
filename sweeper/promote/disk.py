"""Room on the disks, told before anything is written."""

from collections.abc import Sequence
from pathlib import Path

from sweeper.errors import UnavailableError
from sweeper.serving.store import free_bytes, store_folder
from sweeper.space.memory_size import size
from sweeper.space.promote_settings import OLLAMA_QUANTIZATIONS, Quantization

_F16_BYTES = 2
_SHARE_OF_F16: dict[Quantization, float] = {
    **{"f16": 1.0, "q8_0": 0.54, "q6_K": 0.52},
    **{"q5_K_M": 0.42, "q5_K_S": 0.40, "q5_1": 0.42, "q5_0": 0.39},
    **{"q4_K_M": 0.35, "q4_K_S": 0.33, "q4_1": 0.36, "q4_0": 0.33, "iq4_nl": 0.33, "iq4_xs": 0.32},
    **{"q3_K_L": 0.32, "q3_K_M": 0.30, "q3_K_S": 0.27, "iq3_m": 0.28, "iq3_s": 0.27, "q2_K": 0.25},
}
"""A little more than their bits per weight (8.5, about 5 and 4.7): small models keep large tensors."""


def refuse_small_work_disk(parameters: int, work_dir: Path) -> None:
    """Raises UnavailableError unless the merged folder and the .gguf, both in f16, have room."""
    _refuse(work_dir, 2 * _F16_BYTES * parameters, "the merged model and its .gguf")


def refuse_small_store(
    gguf_bytes: int, quantizations: Sequence[Quantization], url: str, has_f16: bool = False
) -> None:
    """The same for Ollama's store where that is known: the upload, the copy that its create makes of it
    (neither where it `has_f16` already), and every quantised model, those that llama.cpp made as uploads
    too. Two temporary copies are never there at once."""
    folder = store_folder(url)
    if folder is not None:
        copies = {name: 1 if name in OLLAMA_QUANTIZATIONS else 2 for name in quantizations if name != "f16"}
        shares = (0 if has_f16 else 2) + sum(number * _SHARE_OF_F16[name] for name, number in copies.items())
        _refuse(folder, round(shares * gguf_bytes), "Ollama's copies of the model")


def refuse_small_disk_for_quantised(gguf_bytes: int, quantization: Quantization, work_dir: Path) -> None:
    """The same for a file that llama.cpp quantises, beside the f16 one."""
    _refuse(work_dir, round(_SHARE_OF_F16[quantization] * gguf_bytes), f"the .gguf as {quantization}")


def _refuse(folder: Path, needed: int, what: str) -> None:
    free = free_bytes(folder)
    if free < needed:
        raise UnavailableError(
            f"{folder} has {size(free)} free, and {what} need {size(needed)}: make room there."
        )
