"""Quantises by llama-cpp-python, in a process of its own: `python -m ... SOURCE TARGET TYPE`.

llama.cpp ends the process where it fails badly, and writes its progress to the standard output.
"""

import ctypes
import importlib
import sys


def quantize(source: str, target: str, quantization: str) -> int:
    """0, or llama.cpp's code of failure. The library is the user's own and may have no such type."""
    library = importlib.import_module("llama_cpp")
    parameters = library.llama_model_quantize_default_params()
    parameters.ftype = getattr(library, f"LLAMA_FTYPE_MOSTLY_{quantization}")
    return int(library.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(parameters)))


if __name__ == "__main__":
    sys.exit(quantize(*sys.argv[1:4]))
