"""Where llama.cpp's quantiser is found, and that its failures are one line."""

import sys
from pathlib import Path

import pytest

from sweeper.errors import SweepError
from sweeper.serving.llama_quantize import Quantizer, find_quantizer, quantize


def program(path: Path, script: str = "true") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_users_checkout_comes_before_ollamas_own_and_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "ollama" / "bin"))
    monkeypatch.setattr(sys, "path", [])
    assert find_quantizer() is None
    found = [program(tmp_path / "ollama" / "bin" / "llama-quantize")]
    assert find_quantizer() == Quantizer((str(found[0]),))
    program(tmp_path / "ollama" / "bin" / "ollama")
    beside = program(tmp_path / "ollama" / "lib" / "ollama" / "llama-quantize")
    assert find_quantizer() == Quantizer((str(beside),))
    own = program(tmp_path / "llama.cpp" / "build" / "bin" / "llama-quantize")
    assert find_quantizer(tmp_path / "llama.cpp") == Quantizer((str(own),))
    assert find_quantizer(tmp_path / "llama.cpp" / "convert_hf_to_gguf.py") == Quantizer((str(own),))


LIBRARY = """
LLAMA_FTYPE_MOSTLY_Q5_K_M = 17
import ctypes
class Parameters(ctypes.Structure):
    _fields_ = [("ftype", ctypes.c_int)]
llama_model_quantize_default_params = Parameters
def llama_model_quantize(source, target, parameters):
    if not source.endswith(b".gguf"):
        return 1
    with open(target, "w") as file:
        file.write(str(parameters._obj.ftype))
    return 0
"""
"""Stands for llama-cpp-python, whose functions take the same."""


def test_llama_cpp_python_serves_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llama_cpp.py").write_text(LIBRARY)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    monkeypatch.syspath_prepend(tmp_path)
    quantizer = find_quantizer()
    assert quantizer is not None
    (tmp_path / "model.gguf").touch()
    quantize(quantizer, tmp_path / "model.gguf", tmp_path / "out", "q5_K_M", tmp_path / "log")
    assert (tmp_path / "out").read_text() == "17"
    with pytest.raises(SweepError, match=r"made no q5_K_M: it said nothing\. Its log is "):
        quantize(quantizer, tmp_path / "model", tmp_path / "out", "q5_K_M", tmp_path / "log")
    with pytest.raises(SweepError, match="no attribute 'LLAMA_FTYPE_MOSTLY_Q9'"):
        quantize(quantizer, tmp_path / "model.gguf", tmp_path / "out", "q9", tmp_path / "log")


def test_a_failure_is_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    script = 'echo "$3" > "$2"; echo "no space left on device"; echo; exit 1'
    failing = Quantizer((str(program(tmp_path / "llama-quantize", script)),))
    with pytest.raises(SweepError) as error:
        quantize(failing, tmp_path / "a.gguf", tmp_path / "b.gguf", "iq4_xs", tmp_path / "log")
    told = "llama.cpp's quantiser made no iq4_xs: no space left on device. Its log is "
    assert str(error.value) == f"{told}{tmp_path / 'log'}."
    assert not (tmp_path / "b.gguf").exists()
