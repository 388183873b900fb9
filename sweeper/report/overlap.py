"""Overlaps of cases with training rows, as they are shown."""

from collections.abc import Sequence

from rich.text import Text

from sweeper.data.overlap import Overlap, Sample
from sweeper.report.example import printable

_PAIRS_SHOWN = 5
_TEXT_SIGNS = 100


def overlap_text(headline: str, overlaps: Sequence[Overlap]) -> Text:
    """The headline and the worst pairs, each as case and row one below the other."""
    lines = [headline]
    for overlap in overlaps[:_PAIRS_SHOWN]:
        names = [overlap.case.name, overlap.row.name]
        width = max(map(len, names))
        lines += [
            f"  {name:<{width}}  {_text(sample)}"
            for name, sample in zip(names, (overlap.case, overlap.row), strict=True)
        ]
    if len(overlaps) > _PAIRS_SHOWN:
        lines.append(f"  and {len(overlaps) - _PAIRS_SHOWN} more")
    return Text("\n".join(lines) + "\n")


def _text(sample: Sample) -> str:
    text = printable(" ".join((sample.text.strip() or sample.instruction).split()))
    return text if len(text) <= _TEXT_SIGNS else f"{text[: _TEXT_SIGNS - 1]}…"
