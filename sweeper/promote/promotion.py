"""What a promotion is asked to do, and what it did."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sweeper.models.load import Base
from sweeper.models.reference import BaseReference
from sweeper.promote.gate import Evidence
from sweeper.promote.merge_choice import MergeChoice, Nf4Training
from sweeper.promote.proofs import Proof
from sweeper.scoring.suite import Suite
from sweeper.space.promote_settings import Form, Quantization
from sweeper.space.space import PromoteSettings

Progress = Callable[[str, float | None], None]
"""Told which step goes on, and the share of it that is done, where that is known."""

Tell = Callable[[str], None]
"""Told a result of the step that goes on."""
"""Called with the step that is going on, and the share of it that is done where that is known."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a promoted model comes from. Hashes are sha256 in hexadecimal."""

    sweep: str
    trial: int
    base: str
    data_sha256: Mapping[str, str] = field(default_factory=dict)
    """By the key of the space file that names the data."""
    adapter_sha256: str = ""
    base_sha256: str = ""
    """Of the base's weights when the trial was trained; "" where it is not known."""


@dataclass(frozen=True, slots=True)
class PromotionRequest:
    """`adapter` is a PEFT folder, `live_name` the name in Ollama, `converter` a checkout of llama.cpp,
    `evidence` what the gate decides by; without any it is not asked. `guards` are of suites that ask for
    what the rows do not teach.

    `work_dir` takes the merged folder and the .gguf (together about twice the model in f16) until the
    model is live; `reports` keeps a JSON file per promotion. `chat_template` is the one that the space
    names in place of the model's own, in which case the promoted model gets it too. `is_dry` proves all
    and leaves the live names alone. `is_forced` goes on where the gate says no, which the report keeps.
    `export` takes the file with its papers. `nf4` is there for a trial whose base was held so, which then
    is merged both ways. `known_digests` are those of models that sweeper put into
    Ollama before; where a live name has another, `may_replace` must say so.
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
    lineage: Lineage | None = None
    evidence: Evidence | None = None
    guards: tuple[Evidence, ...] = ()
    is_dry: bool = False
    is_forced: bool = False
    export: Path | None = None
    known_digests: frozenset[str] = frozenset()
    may_replace: bool = False
    nf4: Nf4Training | None = None


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
class PromotedModel:
    """One live name. `digest` is the manifest's that was proven for it, None where none was; the name has
    it if the promotion was accepted and not dry. `previous_digest` is what the name had before.

    `score` is the suite's mean through Ollama; `agreement` how much of the f16 model's answers this one
    repeats, None for the f16 model itself.
    """

    name: str
    quantization: Quantization
    previous_digest: str | None
    digest: str | None = None
    size_bytes: int = 0
    score: float | None = None
    agreement: float | None = None


@dataclass(frozen=True, slots=True)
class Promotion:
    """A promotion that was carried through, or refused: then `reason` says why in one line.

    `models` has the live name first. `go_template` is None where the file's own chat template serves.
    Scores are means over the suite; `ollama_score` is the f16 model's.
    """

    name: str
    accepted: bool
    reason: str | None
    is_dry: bool
    is_forced: bool
    finished: str
    models: tuple[PromotedModel, ...]
    server: str
    server_version: str
    parameters: Mapping[str, Any]
    system: str | None
    go_template: str | None
    lineage: Lineage | None
    gguf_bytes: int
    gguf_sha256: str
    gguf_md5: str
    proofs: tuple[Proof, ...]
    missing_instruments: tuple[str, ...]
    """What this server does not offer; the proofs that need it were not made."""
    suite: str
    ollama_score: float | None
    merged_score: float | None
    answers: tuple[PromotedAnswer, ...]
    step_seconds: Mapping[str, float]
    step_peak_bytes: Mapping[str, int]
    """The largest that our process has been by the end of each step."""
    merge: MergeChoice | None = None
    """Of a trial that was trained on an nf4 base."""
    form: Form = "merged"
    """With "adapter" the GGUF is the base's, which other models share, and the adapter has its own file."""
    adapter_gguf_bytes: int = 0
    adapter_gguf_sha256: str = ""


def write_report(promotion: Promotion | Mapping[str, Any], folder: Path) -> Path:
    """Writes a promotion as JSON into `folder`. Returns the file's path, which begins with the time."""
    fields = dict(promotion) if isinstance(promotion, Mapping) else dataclasses.asdict(promotion)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    path = folder / f"{stamp}-{fields['name'].replace('/', '_').replace(':', '_')}.json"
    write_json(fields, path)
    return path


def write_json(fields: Mapping[str, Any], path: Path) -> None:
    """The file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)
