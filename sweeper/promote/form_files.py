"""What each form of promotion makes of a base and an adapter, before Ollama is asked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sweeper.models.load import Base
from sweeper.promote.adapter import LoraAdapter
from sweeper.promote.greedy import GreedyModel
from sweeper.promote.promotion import PromotionRequest
from sweeper.promote.record import Record


@dataclass(frozen=True, slots=True)
class FormFiles:
    """The files that Ollama gets, and the model that they must be.

    `gguf` is in f16: the merged model, or the base, beside which `adapter_gguf` stands. `whose` names
    `reference` in the proofs.
    """

    base: Base
    gguf: Path
    reference: GreedyModel
    whose: str
    adapter_gguf: Path | None = None


MakeFiles = Callable[[PromotionRequest, LoraAdapter, Path, Record], FormFiles]
"""Called with the adapter as it was read and the converter's script. Raises ProofError where what was made
is another model, and SweepError as its steps do."""
