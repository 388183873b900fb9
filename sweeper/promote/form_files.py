"""What each form of promotion makes of a base and an adapter, before Ollama is asked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sweeper.data.template import Template
from sweeper.promote.adapter import LoraAdapter
from sweeper.promote.greedy import GreedyModel
from sweeper.promote.promotion import PromotionRequest
from sweeper.promote.prompts import Prompt
from sweeper.promote.record import Record


@dataclass(frozen=True, slots=True)
class FormInputs:
    """What every form begins with: the adapter as it was read, the converter's script, the base's template,
    the suite's prompts, and the hash of the base's weights, "" where it is not known."""

    adapter: LoraAdapter
    converter: Path
    template: Template
    cases: tuple[Prompt, ...]
    base_sha256: str


@dataclass(frozen=True, slots=True)
class FormFiles:
    """The files that Ollama gets, and the model that they must be.

    `gguf` is in f16 and finished: the merged model, or the base, beside which `adapter_gguf` stands.
    `whose` names `reference` in the proofs.
    """

    gguf: Path
    reference: GreedyModel
    whose: str
    adapter_gguf: Path | None = None


MakeFiles = Callable[[PromotionRequest, FormInputs, Record], FormFiles]
"""Raises ProofError where what was made is another model, and SweepError as its steps do."""
