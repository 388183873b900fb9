"""Keeps what a promotion has done so far, so that a refused one can be reported like any other."""

import dataclasses
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from sweeper.errors import ProofError
from sweeper.promote.live_models import LiveModel, live_models
from sweeper.promote.merge_choice import MergeChoice
from sweeper.promote.promotion import (
    Progress,
    PromotedAnswer,
    PromotedModel,
    Promotion,
    PromotionRequest,
    Tell,
)
from sweeper.promote.proofs import Proof
from sweeper.scoring.means import mean_of
from sweeper.serving.model_name import ModelName
from sweeper.serving.ollama import OllamaClient
from sweeper.space.promote_settings import Quantization

Item = TypeVar("Item")


@dataclass(slots=True)
class Record:
    """Filled step by step; `promotion` makes the report of it."""

    name: ModelName
    progress: Progress
    quantizations: tuple[Quantization, ...] = ("f16",)
    proofs: list[Proof] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    answers: tuple[PromotedAnswer, ...] = ()
    merged_score: float | None = None
    merge: MergeChoice | None = None
    go_template: str | None = None
    gguf_bytes: int = 0
    gguf_sha256: str = ""
    gguf_md5: str = ""
    adapter_gguf_bytes: int = 0
    adapter_gguf_sha256: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    models: dict[LiveModel, PromotedModel] = field(init=False)
    step_seconds: dict[str, float] = field(default_factory=dict)
    step_peak_bytes: dict[str, int] = field(default_factory=dict)
    tell: Tell = lambda result: None

    def __post_init__(self) -> None:
        self.models = {
            model: PromotedModel(str(model.name), model.quantization, None)
            for model in live_models(self.name, self.quantizations)
        }

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Tells that a step has begun, and keeps its wall seconds and our process's peak."""
        self.progress(name, None)
        start = time.monotonic()
        try:
            yield
        finally:
            self.step_seconds[name] = round(time.monotonic() - start, 3)
            self.step_peak_bytes[name] = _peak_bytes()

    def each(self, step: str, items: Sequence[Item]) -> Iterator[Item]:
        """Goes through `items`, telling how far."""
        for done, item in enumerate(items):
            self.progress(step, done / len(items))
            yield item

    def note(self, model: LiveModel, **changes: Any) -> None:
        """Keeps facts of a live model; of one that only serves for proof nothing is kept."""
        if model in self.models:
            self.models[model] = dataclasses.replace(self.models[model], **changes)

    def note_before(self, client: OllamaClient) -> None:
        """Keeps what the live names have now."""
        kept = {model.name.casefold(): model.digest for model in client.models()}
        for model in self.models:
            self.note(model, previous_digest=kept.get(str(model.name).casefold()))

    def prove(self, proofs: Sequence[Proof], is_forced: bool = False) -> None:
        """Keeps proofs of one kind. Raises ProofError where one has failed, unless it is forced."""
        self.proofs += proofs
        for proof in proofs:
            self.tell(f"{'holds' if proof.passed else 'FAILS'}: {proof.name}")
        failed = [proof for proof in proofs if not proof.passed]
        if failed and not is_forced:
            also = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            raise ProofError(f"{failed[0].name}: {failed[0].detail}{also}")

    @property
    def ollama_score(self) -> float | None:
        """The f16 model's mean through Ollama; None before it has answered."""
        return mean_of([answer.score for answer in self.answers])

    def promotion(self, request: PromotionRequest, client: OllamaClient, reason: str | None) -> Promotion:
        """The report: accepted where there is no `reason` against it."""
        return Promotion(
            name=str(self.name),
            accepted=reason is None,
            reason=reason,
            is_dry=request.is_dry,
            is_forced=request.is_forced,
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            models=tuple(self.models.values()),
            server=client.url,
            server_version=client.version(),
            parameters=self.parameters,
            system=request.settings.system,
            go_template=self.go_template,
            lineage=request.lineage,
            gguf_bytes=self.gguf_bytes,
            gguf_sha256=self.gguf_sha256,
            gguf_md5=self.gguf_md5,
            proofs=tuple(self.proofs),
            missing_instruments=tuple(self.missing),
            suite=request.suite.name,
            ollama_score=self.ollama_score,
            merged_score=self.merged_score,
            answers=self.answers,
            step_seconds=self.step_seconds,
            step_peak_bytes=self.step_peak_bytes,
            merge=self.merge,
            form=request.settings.form,
            adapter_gguf_bytes=self.adapter_gguf_bytes,
            adapter_gguf_sha256=self.adapter_gguf_sha256,
        )


def _peak_bytes() -> int:
    """The largest resident size of our process so far. The system counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
