"""A promotion that is about to swap, on disk, so that a run which dies there is ended by the next one."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweeper.promote.live_models import LiveModel
from sweeper.promote.promotion import Promotion, write_json, write_report
from sweeper.promote.swap import carry_out, is_rolling_back, next_swap, read_names, roll_back
from sweeper.serving.model_name import ModelName
from sweeper.serving.ollama import OllamaClient

_FILE = "swapping"


def journal_path(reports: Path) -> Path:
    """Its suffix keeps it apart from the reports."""
    return reports / f"{_FILE}.journal"


def begin_swap(promotion: Promotion, reports: Path) -> None:
    """Writes the report that will be true when all live names have what was proven for them."""
    write_json(dataclasses.asdict(promotion), journal_path(reports))


def end_swap(promotion: Promotion, reports: Path) -> Path:
    """Writes the report and strikes the journal. In this order: a death in between writes it once more."""
    report = write_report(promotion, reports)
    journal_path(reports).unlink(missing_ok=True)
    return report


def settle(client: OllamaClient, reports: Path) -> str | None:
    """Ends what a run that died in its swap has begun. Says what was done, None where there was nothing.

    Where some live name has its new model, the others get theirs too and the report is written. Where
    none has, nothing was promoted and the candidates go away.
    """
    path = journal_path(reports)
    if not path.is_file():
        return None
    journal: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    wanted = [(_name(model["name"]), str(model["digest"])) for model in journal["models"]]
    has_begun = any(read_names(client, name).live == digest for name, digest in wanted)
    if has_begun:
        for name, digest in wanted:
            if read_names(client, name).candidate == digest:
                carry_out(client, name, next_swap)
        report = write_report(journal, reports)
    remove_candidates(client, [name for name, _ in wanted])
    path.unlink()
    if has_begun:
        return f"{journal['name']} was being promoted when a run ended; that is now done. Report: {report}"
    return f"a run ended before {journal['name']} was changed; what it left is removed"


def end_rollbacks(client: OllamaClient, models: Sequence[LiveModel]) -> None:
    """Goes on with rollbacks that were broken off after the live name had changed."""
    for model in models:
        if is_rolling_back(read_names(client, model.name)):
            roll_back(client, model.name)


def remove_candidates(client: OllamaClient, names: Sequence[ModelName]) -> None:
    for name in names:
        client.delete(str(name.candidate))


def _name(text: str) -> ModelName:
    path, _, tag = text.rpartition(":")
    return ModelName(path, tag)
