"""A promotion as it is shown at its end: its proofs, its scores and one answer."""

from collections.abc import Sequence
from typing import Literal, Protocol

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sweeper.report.example import printable
from sweeper.report.text import score
from sweeper.space.memory_size import size


def proofs_table(proofs: list[tuple[str, bool, str]]) -> Table:
    """Each proof's name, whether it held, and the figures behind it."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("proof")
    table.add_column("")
    table.add_column("what was seen")
    for name, passed, detail in proofs:
        verdict = Text("holds", style="green") if passed else Text("FAILS", style="bold red")
        table.add_row(Text(name), verdict, Text(printable(detail)))
    return table


def form_line(base_name: str, base_bytes: int, adapter_bytes: int) -> str:
    """'An adapter of 9.8 MB beside sweeper-base:0a1b2c3d4e5f (271 MB), which other models may share'."""
    return (
        f"An adapter of {size(adapter_bytes)} beside {base_name} ({size(base_bytes)}), which others may share"
    )


def scores_line(
    suite: str, cases: int, reference: float | None, in_ollama: float | None, is_merged: bool = True
) -> str:
    """'test, 60 cases: merged model 0.917, in Ollama 0.917'."""
    what = "merged model" if is_merged else "base + adapter"
    return f"{suite}, {cases} cases: {what} {score(reference)}, in Ollama {score(in_ollama)}"


class OnDev(Protocol):
    """`objective` is the search's own; `target_loss` None where dev expects nothing to the letter."""

    @property
    def objective(self) -> float: ...
    @property
    def target_loss(self) -> float | None: ...


class Merge(Protocol):
    """Which base an adapter that was trained on nf4 was merged into, and what both merges came to."""

    @property
    def taken(self) -> Literal["dequantised", "original"]: ...
    @property
    def dequantised(self) -> OnDev: ...
    @property
    def original(self) -> OnDev: ...


def merge_line(merge: Merge) -> str:
    """'Merged into the dequantised nf4 base: dev 0.900, target_loss 0.412 (into the original base: ...)'."""
    names = {"dequantised": "dequantised nf4 base", "original": "original base"}
    found = {"dequantised": merge.dequantised, "original": merge.original}
    taken, other = found.pop(merge.taken), next(name for name in names if name != merge.taken)
    return (
        f"Merged into the {names[merge.taken]}: {_on_dev(taken)} "
        f"(into the {names[other]}: {_on_dev(found[other])})"
    )


def _on_dev(found: OnDev) -> str:
    loss = "" if found.target_loss is None else f", target_loss {found.target_loss:.4f}"
    return f"dev {found.objective:.4f}{loss}"


def answer_lines(prompt: str, answer: str, expected: str) -> RenderableType:
    """One case as Ollama answered it under the live name's own settings."""
    return Group(
        Text(f"  asked     {printable(prompt)}"),
        Text(f"  answered  {printable(answer)}"),
        Text(f"  expected  {printable(expected)}"),
    )


class ModelFacts(Protocol):
    """What is shown of a model in Ollama. `agreement` is None for the f16 model itself."""

    @property
    def name(self) -> str: ...
    @property
    def quantization(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def score(self) -> float | None: ...
    @property
    def agreement(self) -> float | None: ...


def models_table(models: Sequence[ModelFacts]) -> Table:
    """A line per live name."""
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("model", "quantization", "size", "score", "same as f16"):
        table.add_column(column)
    for model in models:
        same = "-" if model.agreement is None else f"{model.agreement:.0%}"
        table.add_row(Text(model.name), model.quantization, size(model.size_bytes), score(model.score), same)
    return table
