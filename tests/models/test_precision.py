"""How a base is held: by the hardware where the space says auto, and as it says elsewhere."""

from pathlib import Path

import pytest

from sweeper.errors import InputError
from sweeper.models import precision
from sweeper.models.hardware import cpu_flags
from sweeper.models.precision import Precision, auto_on_cpu, choose_precision
from sweeper.space.model_settings import DtypeName, ModelSettings


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ("fpu avx2 avx512f avx512_bf16", "bfloat16"),
        ("fpu avx512f amx_bf16 amx_tile", "bfloat16"),
        ("fpu avx2 avx512f", "float32"),
        ("", "float32"),
    ],
)
def test_auto_on_a_cpu_goes_by_its_flags(tmp_path: Path, flags: str, dtype: DtypeName) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: none\n")
    assert auto_on_cpu(cpu_flags(tmp_path / "cpuinfo"))[0] == dtype


def test_where_the_system_tells_no_flags_there_are_none(tmp_path: Path) -> None:
    assert cpu_flags(tmp_path / "none") == frozenset()


@pytest.mark.parametrize(("takes", "dtype"), [(True, "bfloat16"), (False, "float32")])
def test_auto_on_a_gpu_goes_by_what_it_computes_in(
    monkeypatch: pytest.MonkeyPatch, takes: bool, dtype: DtypeName
) -> None:
    monkeypatch.setattr(precision, "cuda_count", lambda: 1)
    monkeypatch.setattr(precision, "cuda_takes_bfloat16", lambda index: takes)
    chosen = choose_precision(ModelSettings())
    assert (chosen.dtype, chosen.device, chosen.device_kind) == (dtype, "cuda:0", "cuda")


def test_float16_is_for_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "cuda_count", lambda: 0)
    with pytest.raises(InputError, match="is float16, which trains on CUDA devices only"):
        choose_precision(ModelSettings(dtype="float16"))
    assert choose_precision(ModelSettings(dtype="float16"), "cuda:1").dtype == "float16"


def test_what_is_written_is_taken_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "cpu_flags", lambda: frozenset({"avx512_bf16"}))
    chosen = choose_precision(ModelSettings("nf4", "float32", "eager"), "cpu")
    assert chosen == Precision("float32", "nf4", "eager", "cpu")
    assert chosen.sentence() == (
        "Base: nf4, computed in float32, on cpu (model.dtype); adapters and losses in float32."
    )
    told = choose_precision(ModelSettings(), "cpu").sentence()
    assert told.startswith("Base: bfloat16 on cpu (auto: the CPU has avx512_bf16)")
