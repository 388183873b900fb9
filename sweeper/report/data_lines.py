"""What the training rows are like, in lines to read."""

from sweeper.data.cut_rows import CutCount
from sweeper.data.load_rows import RowSet
from sweeper.data.quality import DataReport, Example, Finding, Oddity
from sweeper.report.example import printable

_WORDS: dict[Oddity, str] = {
    "repeated": "Repeated word for word",
    "contradicting": "The same question with other answers",
    "validated and trained": "Trained, and a validation row too",
    "empty turn": "A turn without text",
    "outer white space": "White space around an answer, which is learned with it",
    "replacement character": "Replacement characters, where a text could not be decoded",
    "mojibake": "Letters of a wrong decoding (UTF-8 read as Windows-1252)",
    "control character": "Control characters",
    "byte order mark": "A byte order mark within a text",
}
_LINES_SHOWN = 5


def data_lines(report: DataReport) -> list[str]:
    """Row count and format, token lengths, what each max_seq_length cuts, then what is odd, worst first."""
    lengths = report.lengths
    held = f", {report.validation_count:,} more to validate on" if report.validation_count else ""
    lines = [
        f"{len(report.rows.rows):,} rows of the format {report.rows.format}{held}.",
        f"A row has {lengths.shortest:,} to {lengths.longest:,} tokens, half of them at most "
        f"{lengths.median:,} and 95 % at most {lengths.p95:,}.",
    ]
    lines += [_cut_line(cut) for cut in report.cuts if cut.shortened or cut.dropped]
    if report.split_count:
        why = "The chat template changes earlier turns"
        lines.append(f"{why}: one row for each answer was made of {_rows(report.split_count)}.")
    return lines + [_finding_line(report.rows, finding) for finding in report.findings]


def _cut_line(cut: CutCount) -> str:
    left_out = f" and leaves out {cut.dropped:,} that keep nothing to learn" if cut.dropped else ""
    return f"max_seq_length {cut.max_seq_length:,} cuts {_rows(cut.shortened)}{left_out}."


def _finding_line(rows: RowSet, finding: Finding) -> str:
    examples = "; ".join(_example(rows, example) for example in finding.examples)
    return f"{_WORDS[finding.oddity]}: {_rows(finding.count)} ({examples})."


def _example(rows: RowSet, example: Example) -> str:
    unit = ("line" if rows.counts_lines else "row") + ("s" if len(example.indices) > 1 else "")
    numbers = [str(rows.numbers[index]) for index in example.indices[:_LINES_SHOWN]]
    more = ", ..." if len(example.indices) > _LINES_SHOWN else ""
    excerpt = f": '{printable(example.excerpt)}'" if example.excerpt else ""
    return f"{unit} {', '.join(numbers)}{more}{excerpt}"


def _rows(count: int) -> str:
    return f"{count:,} row" + ("" if count == 1 else "s")
