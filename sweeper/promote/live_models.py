"""The models that one promotion makes: a live name for each quantization."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.serving.model_name import ModelName, check_length
from sweeper.space.promote_settings import Quantization

REFERENCE: Quantization = "f16"
"""Proven against the merged model in full; the others are held against it."""


@dataclass(frozen=True, slots=True)
class LiveModel:
    """A name that a model gets in Ollama, and how it is quantised."""

    name: ModelName
    quantization: Quantization

    @property
    def candidate(self) -> str:
        return str(self.name.candidate)


def live_models(name: ModelName, quantizations: Sequence[Quantization]) -> tuple[LiveModel, ...]:
    """The first quantization takes the name as it is, each other one a tag of its own.

    Raises InputError for a tag that grows too long.
    """
    first, *others = quantizations
    models = [LiveModel(name, first), *(LiveModel(name.quantized(other), other) for other in others)]
    for model in models:
        check_length(model.name, "promote.name")
    return tuple(models)


def reference_of(name: ModelName, models: Sequence[LiveModel]) -> LiveModel:
    """The f16 model among `models`, or one beside them that only serves for proof."""
    found = next((model for model in models if model.quantization == REFERENCE), None)
    return found or LiveModel(name.quantized(f"{REFERENCE}-proof"), REFERENCE)
