"""The promotions of a sweep, as a table."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from sweeper.report.example import printable
from sweeper.report.text import score

_SHORT = 8
"""Characters of a hash that are shown; the reports and `--json` have all."""


def history_table(reports: Iterable[Mapping[str, Any]], now: Mapping[str, str]) -> Table:
    """A line per model, the last promotion first. `now` has the names' digests in Ollama, as far as known."""
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("when", "name", "trial", "quantization", "score", "GGUF", "digest", "data", "adapter", ""):
        table.add_column(column, overflow="fold")
    for report in reversed(list(reports)):
        for model in report["models"]:
            table.add_row(
                *(Text(printable(cell)) for cell in _cells(report, model)), _state(report, model, now)
            )
    return table


def _cells(report: Mapping[str, Any], model: Mapping[str, Any]) -> tuple[str, ...]:
    lineage = report.get("lineage") or {}
    data = next(iter((lineage.get("data_sha256") or {}).values()), "")
    return (
        str(report["finished"])[:16].replace("T", " "),
        str(model["name"]),
        str(lineage.get("trial", "")),
        str(model["quantization"]) + (" + adapter" if report.get("form") == "adapter" else ""),
        score(model["score"]),
        _short(report["gguf_sha256"]),
        _short(model["digest"]),
        _short(data.removeprefix("sha256:")),
        _short(lineage.get("adapter_sha256")),
    )


def _state(report: Mapping[str, Any], model: Mapping[str, Any], now: Mapping[str, str]) -> Text:
    if not report["accepted"]:
        return Text(f"refused: {printable(str(report['reason']))[:80]}", style="red")
    if report["is_dry"]:
        return Text("dry run")
    forced = " (forced)" if report["is_forced"] else ""
    if now.get(str(model["name"]).casefold()) == model["digest"]:
        return Text(f"live{forced}", style="green")
    return Text(f"was live{forced}")


def _short(value: object) -> str:
    return str(value or "")[:_SHORT]
