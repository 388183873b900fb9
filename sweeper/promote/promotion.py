"""What a promotion is asked to do, and what it did."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sweeper.models.load import Base
from sweeper.models.reference import BaseReference
from sweeper.promote.proofs import Proof
from sweeper.scoring.suite import Suite
from sweeper.space.space import PromoteSettings

Progress = Callable[[str, float | None], None]
"""Called with the step that is going on, and the share of it that is done where that is known."""


@dataclass(frozen=True, slots=True)
class PromotionRequest:
    """`adapter` is a PEFT folder, `live_name` the name in Ollama, `converter` a checkout of llama.cpp.

    `work_dir` takes the merged folder and the .gguf (together about twice the model in f16) until the
    model is live; `reports` keeps a JSON file per promotion. `chat_template` is the one that the space
    names in place of the model's own, in which case the promoted model gets it too.
    """

    base: Base | BaseReference
    adapter: Path
    suite: Suite
    settings: PromoteSettings
    live_name: str
    work_dir: Path
    reports: Path
    converter: Path | None = None
    chat_template: str | None = None


@dataclass(frozen=True, slots=True)
class PromotedAnswer:
    """A case of the suite, as Ollama and as the merged model answers it. `score` is Ollama's, None where
    the case is only shown."""

    case_id: str
    ollama: str
    merged: str
    expected: str
    score: float | None


@dataclass(frozen=True, slots=True)
class Promotion:
    """A promotion that was carried through, or refused: then `reason` says why in one line.

    `digest` is the manifest's that the live name has now, `previous_digest` what it had before.
    `go_template` is None where the file's own chat template serves. Scores are means over the suite.
    """

    name: str
    accepted: bool
    reason: str | None
    finished: str
    digest: str | None
    previous_digest: str | None
    server: str
    server_version: str
    parameters: Mapping[str, Any]
    system: str | None
    go_template: str | None
    gguf_bytes: int
    gguf_sha256: str
    proofs: tuple[Proof, ...]
    suite: str
    ollama_score: float | None
    merged_score: float | None
    answers: tuple[PromotedAnswer, ...]
    step_seconds: Mapping[str, float]


def write_report(promotion: Promotion, folder: Path) -> Path:
    """Writes `promotion` as JSON into `folder`. Returns the file's path, which begins with the time."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    path = folder / f"{stamp}-{promotion.name.replace('/', '_').replace(':', '_')}.json"
    text = json.dumps(dataclasses.asdict(promotion), indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    return path
