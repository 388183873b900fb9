"""How a base is held, with nothing left to `auto`: settings and hardware in, a decision out."""

from dataclasses import dataclass
from typing import Literal

from sweeper.errors import InputError
from sweeper.models.hardware import BFLOAT16_FLAGS, cpu_flags, cuda_count, cuda_takes_bfloat16
from sweeper.space.model_settings import Attention, BaseDtype, BaseQuantization, ModelSettings

DeviceKind = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class Precision:
    """What a worker loads its base by. Adapters, their gradients and all losses are in fp32 beside any.

    `device` is torch's name of it, `why` is why `dtype` was chosen, for the user.
    """

    dtype: BaseDtype = "float32"
    quantization: BaseQuantization = "none"
    attention: Attention = "auto"
    device: str = "cpu"
    why: str = "model.dtype"

    @property
    def device_kind(self) -> DeviceKind:
        return "cuda" if self.device.startswith("cuda") else "cpu"

    @property
    def is_default(self) -> bool:
        """Whether bases were held so before there was a choice."""
        return (self.dtype, self.quantization) == ("float32", "none")

    def sentence(self) -> str:
        """'Base: bfloat16 on cpu (auto: the CPU has avx512_bf16); adapters and losses in float32.'"""
        is_plain = self.quantization == "none"
        held = self.dtype if is_plain else f"{self.quantization}, computed in {self.dtype},"
        return f"Base: {held} on {self.device} ({self.why}); adapters and losses in float32."


def choose_precision(settings: ModelSettings, device: str | None = None) -> Precision:
    """The precision on `device`; on the first CUDA device or the CPU where none is named.

    Raises InputError for float16 on a CPU.
    """
    device = device or ("cuda:0" if cuda_count() else "cpu")
    on_cuda = device.startswith("cuda")
    if settings.dtype == "float16" and not on_cuda:
        raise InputError(
            "model.dtype",
            "is float16, which trains on CUDA devices only, and there is none here",
            "Write bfloat16, float32, or auto; `sweep check SPACE --gpu t4` looks at it as on a GPU",
        )
    if settings.dtype != "auto":
        return Precision(settings.dtype, settings.quantization, settings.attention, device)
    if on_cuda:
        return precision_on_gpu(settings, cuda_takes_bfloat16(int(device.partition(":")[2] or 0)), device)
    dtype, why = auto_on_cpu(cpu_flags())
    return Precision(dtype, settings.quantization, settings.attention, device, f"auto: {why}")


def precision_on_gpu(settings: ModelSettings, takes_bfloat16: bool, device: str = "cuda") -> Precision:
    """The precision on a CUDA device that need not be here."""
    if settings.dtype != "auto":
        return Precision(settings.dtype, settings.quantization, settings.attention, device)
    dtype, why = _auto_on_cuda(takes_bfloat16)
    return Precision(dtype, settings.quantization, settings.attention, device, f"auto: {why}")


def auto_on_cpu(flags: frozenset[str]) -> tuple[BaseDtype, str]:
    """bfloat16 where the CPU multiplies it itself.

    A micro-batch of rows took 10 to 35 % less time so on a CPU with avx512_bf16; see docs/design.md.
    """
    if found := sorted(flags & BFLOAT16_FLAGS):
        return "bfloat16", f"the CPU has {' and '.join(found)}"
    return "float32", "the CPU has neither avx512_bf16 nor amx_bf16"


def _auto_on_cuda(takes_bfloat16: bool) -> tuple[BaseDtype, str]:
    if takes_bfloat16:
        return "bfloat16", "the GPU computes in bfloat16"
    return "float32", "the GPU has no bfloat16 of its own; float16 is faster and trains with a scaled loss"
