"""How the frozen base is held, as a space file's `model` section says it."""

from dataclasses import dataclass
from typing import Literal

BaseQuantization = Literal["none", "nf4"]
BaseDtype = Literal["float32", "bfloat16", "float16"]
DtypeName = Literal["auto", "float32", "bfloat16", "float16"]
Attention = Literal["auto", "sdpa", "eager"]


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """`dtype` is the base's; adapters and losses are always in fp32. `auto` asks the hardware.

    nf4 holds the linear layers in 4 bit (with double quantisation), and computes in `dtype`.
    `attention` auto is what transformers chooses for the architecture.
    """

    quantization: BaseQuantization = "none"
    dtype: DtypeName = "auto"
    attention: Attention = "auto"
