"""Whether what is asked for can be quantised here, and the files that llama.cpp makes rather than Ollama."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sweeper.errors import InputError
from sweeper.promote.disk import refuse_small_disk_for_quantised
from sweeper.serving.llama_quantize import Quantizer, find_quantizer, quantize
from sweeper.space.promote_settings import OLLAMA_QUANTIZATIONS, Quantization
from sweeper.space.space import PromoteSettings


def refuse_without_quantizer(settings: PromoteSettings, checkout: Path | None = None) -> None:
    """Raises InputError for what Ollama does not make itself, where llama.cpp's quantiser is not at hand or
    the form is one that Ollama alone quantises."""
    others = [name for name in settings.quantization if name not in OLLAMA_QUANTIZATIONS]
    if others and settings.form == "adapter":
        raise InputError(
            "promote.quantization",
            f"is {others[0]}, which Ollama does not make of a base below its adapter",
            f"Take {', '.join(OLLAMA_QUANTIZATIONS)}, or form: merged",
        )
    if others and find_quantizer(checkout) is None:
        raise no_quantizer(others[0])


def no_quantizer(quantization: Quantization) -> InputError:
    return InputError(
        "promote.quantization",
        f"{quantization} is made by llama.cpp's quantiser, which is not at hand here",
        "Put llama-quantize on the PATH, give --converter a built checkout of llama.cpp, install "
        f"llama-cpp-python, or take {', '.join(OLLAMA_QUANTIZATIONS)}",
    )


@contextmanager
def quantised_file(quantizer: Quantizer, gguf: Path, quantization: Quantization) -> Iterator[Path]:
    """The f16 file `gguf` as `quantization`, beside it for as long as it is needed.

    Raises SweepError where llama.cpp fails, and UnavailableError where the disk is too small.
    """
    target = gguf.with_name(f"model-{quantization}.gguf")
    refuse_small_disk_for_quantised(gguf.stat().st_size, quantization, gguf.parent)
    try:
        quantize(quantizer, gguf, target, quantization, gguf.with_name("llama-quantize.log"))
        yield target
    finally:
        target.unlink(missing_ok=True)
