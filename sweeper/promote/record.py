"""Keeps what a promotion has done so far, so that a refused one can be reported like any other."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from sweeper.errors import ProofError
from sweeper.promote.promotion import Progress, PromotedAnswer, Promotion, PromotionRequest
from sweeper.promote.proofs import Proof
from sweeper.scoring.means import mean_of
from sweeper.serving.model_name import ModelName
from sweeper.serving.ollama import OllamaClient

Item = TypeVar("Item")


@dataclass(slots=True)
class Record:
    """Filled step by step; `promotion` makes the report of it."""

    name: ModelName
    progress: Progress
    proofs: list[Proof] = field(default_factory=list)
    answers: tuple[PromotedAnswer, ...] = ()
    merged_score: float | None = None
    go_template: str | None = None
    gguf_bytes: int = 0
    gguf_sha256: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    previous_digest: str | None = None
    step_seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Tells that a step has begun, and keeps its wall seconds."""
        self.progress(name, None)
        start = time.monotonic()
        try:
            yield
        finally:
            self.step_seconds[name] = round(time.monotonic() - start, 3)

    def each(self, step: str, items: Sequence[Item]) -> Iterator[Item]:
        """Goes through `items`, telling how far."""
        for done, item in enumerate(items):
            self.progress(step, done / len(items))
            yield item

    def prove(self, proofs: Sequence[Proof]) -> None:
        """Keeps proofs of one kind. Raises ProofError where one has failed."""
        self.proofs += proofs
        failed = [proof for proof in proofs if not proof.passed]
        if failed:
            also = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            raise ProofError(f"{failed[0].name}: {failed[0].detail}{also}")

    def promotion(
        self, request: PromotionRequest, client: OllamaClient, digest: str | None, reason: str | None
    ) -> Promotion:
        """The report: accepted where there is no `reason` against it. `digest` is the live name's now."""
        return Promotion(
            name=str(self.name),
            accepted=reason is None,
            reason=reason,
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            digest=digest,
            previous_digest=self.previous_digest,
            server=client.url,
            server_version=client.version(),
            parameters=self.parameters,
            system=request.settings.system,
            go_template=self.go_template,
            gguf_bytes=self.gguf_bytes,
            gguf_sha256=self.gguf_sha256,
            proofs=tuple(self.proofs),
            suite=request.suite.name,
            ollama_score=mean_of([answer.score for answer in self.answers]),
            merged_score=self.merged_score,
            answers=self.answers,
            step_seconds=self.step_seconds,
        )
