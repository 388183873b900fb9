"""How a model is promoted: which files are made of it, and what it must reach."""

from dataclasses import dataclass
from typing import Literal, get_args

OllamaQuantization = Literal["f16", "q8_0", "q4_K_M", "q4_K_S"]
"""What Ollama itself can make of an f16 file, and f16, which is left as it is."""
LlamaCppQuantization = Literal[
    "q6_K", "q5_K_M", "q5_K_S", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl", "iq4_xs",
    "q3_K_L", "q3_K_M", "q3_K_S", "iq3_m", "iq3_s", "q2_K",
]  # fmt: skip
"""What llama.cpp's quantiser makes beside it, without data to weigh the weights by."""
Quantization = OllamaQuantization | LlamaCppQuantization

OLLAMA_QUANTIZATIONS: tuple[OllamaQuantization, ...] = get_args(OllamaQuantization)
QUANTIZATIONS: tuple[Quantization, ...] = (*OLLAMA_QUANTIZATIONS, *get_args(LlamaCppQuantization))

Form = Literal["merged", "adapter"]
"""One file of base and adapter, or the adapter beside a base that many models share."""

FORMS: tuple[Form, ...] = get_args(Form)


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What a promotion must reach. All are differences or shares of scores from 0 to 1.

    `min_gain`: the lower end of the paired interval of trial minus base must lie above it.
    `max_guard_loss`: a trial that lost as much on a guard suite against the base, beyond chance, is refused.
    `max_quantization_loss`: how far a quantised model's score may lie below the f16 model's.
    `min_agreement`: how much of the f16 answers a quantised model must repeat, on average.
    """

    min_gain: float = 0.0
    max_guard_loss: float = 0.1
    max_quantization_loss: float = 0.05
    min_agreement: float = 0.5
