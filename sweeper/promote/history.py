"""What was promoted before, by the reports."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Report = Mapping[str, Any]
"""A Promotion as its JSON file has it."""


def read_reports(folder: Path) -> Iterator[Report]:
    """The reports of one sweep, the oldest first. A file that is none of them is passed over."""
    for path in sorted(folder.glob("*.json")):
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError):
            continue
        if isinstance(report, dict) and isinstance(report.get("models"), list):
            yield report


def is_live(report: Report) -> bool:
    """Whether the promotion changed the live names."""
    return bool(report.get("accepted")) and not report.get("is_dry")


def known_digests(reports: Iterator[Report]) -> set[str]:
    """The digests of all models that went live."""
    return {str(model["digest"]) for report in reports if is_live(report) for model in report["models"]}
