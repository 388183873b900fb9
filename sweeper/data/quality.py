"""What is odd about training rows: repeated, contradicting, broken in their encoding. Pure.

It says where to look and refuses nothing: each of these may be meant.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sweeper.data.cut_rows import CutCount, count_cuts
from sweeper.data.encode_rows import EncodedRows
from sweeper.data.load_rows import RowSet
from sweeper.data.rows import Chat, Row, Text, TrainingRow

EXAMPLES = 3
"""So many of the worst are named of each oddity."""

Oddity = Literal[
    "repeated",
    "contradicting",
    "validated and trained",
    "empty turn",
    "outer white space",
    "replacement character",
    "mojibake",
    "control character",
    "byte order mark",
]


@dataclass(frozen=True, slots=True)
class Example:
    """Rows by their indices in the RowSet, and what stands there (empty where the rows say it all)."""

    indices: tuple[int, ...]
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """`count` rows have the oddity; the examples are the worst of them, worst first."""

    oddity: Oddity
    count: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens in a row."""

    shortest: int
    median: int
    p95: int
    longest: int


@dataclass(frozen=True, slots=True)
class DataReport:
    """`cuts` has an entry for each max_seq_length asked for; `findings` only what was found.

    `split_count` chats became several rows each, which the chat template needs.
    """

    rows: RowSet
    validation_count: int
    lengths: Lengths
    cuts: tuple[CutCount, ...]
    split_count: int
    findings: tuple[Finding, ...]


def examine(
    rows: RowSet, encoded: EncodedRows, max_seq_lengths: Sequence[int], validation: RowSet | None = None
) -> DataReport:
    """Everything that there is to know of `rows` before they are trained on; `encoded` are the same rows."""
    found = (
        _repeated(rows.rows),
        _contradicting(rows.rows),
        _in_both(rows.rows, validation.rows if validation else ()),
        *_odd_texts(rows.rows),
    )
    return DataReport(
        rows=rows,
        validation_count=len(validation.rows) if validation else 0,
        lengths=_lengths([len(row.input_ids) for row in encoded.rows]),
        cuts=tuple(count_cuts(encoded.rows, length) for length in max_seq_lengths),
        split_count=encoded.split_count,
        findings=tuple(finding for finding in found if finding.count),
    )


def _lengths(counts: list[int]) -> Lengths:
    """Percentiles by nearest rank, so that each is a length that some row has."""
    ordered = sorted(counts)
    last = len(ordered) - 1
    return Lengths(ordered[0], ordered[last // 2], ordered[-(-last * 95 // 100)], ordered[-1])


def _groups(keys: Iterable[object]) -> list[tuple[int, ...]]:
    """Indices of equal keys, in the order of their first; None stands for no key."""
    groups: dict[object, list[int]] = {}
    for index, key in enumerate(keys):
        if key is not None:
            groups.setdefault(key, []).append(index)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _repeated(rows: Sequence[TrainingRow]) -> Finding:
    groups = sorted(_groups(rows), key=len, reverse=True)
    count = sum(len(group) - 1 for group in groups)
    return Finding("repeated", count, tuple(Example(group) for group in groups[:EXAMPLES]))


def _contradicting(rows: Sequence[TrainingRow]) -> Finding:
    """Rows that ask the same and answer differently; an example has one row for each answer."""
    differing = []
    for group in _groups(_asked(row) for row in rows):
        first_of = {_answers(rows[index]): index for index in reversed(group)}
        if len(first_of) > 1:
            differing.append((len(group), tuple(sorted(first_of.values()))))
    differing.sort(key=lambda found: len(found[1]), reverse=True)
    examples = tuple(Example(indices) for _, indices in differing[:EXAMPLES])
    return Finding("contradicting", sum(size for size, _ in differing), examples)


def _in_both(rows: Sequence[TrainingRow], validation: Sequence[TrainingRow]) -> Finding:
    held = set(validation)
    both = [index for index, row in enumerate(rows) if row in held] if held else []
    examples = tuple(Example((index,)) for index in both[:EXAMPLES])
    return Finding("validated and trained", len(both), examples)


def _asked(row: TrainingRow) -> object:
    """What an answer is given to; None for text, which answers nothing."""
    match row:
        case Row(instruction=instruction, input=text):
            return instruction, text
        case Chat(messages=messages):
            last = max(at for at, message in enumerate(messages) if message.role == "assistant")
            return messages[:last]
        case Text():
            return None


def _answers(row: TrainingRow) -> tuple[str, ...]:
    """What is learned by default."""
    match row:
        case Row(output=output):
            return (output,)
        case Chat(messages=messages, learned_from=start):
            return tuple(message.content for message in messages[start:] if message.role == "assistant")
        case Text(text=text):
            return (text,)


def _texts(row: TrainingRow) -> Iterator[str]:
    match row:
        case Row():
            yield from (row.instruction, row.input, row.output)
        case Chat(messages=messages):
            yield from (message.content for message in messages)
        case Text(text=text):
            yield text


_AS_CP1252 = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xC0))
_NEXT = f"[{re.escape(_AS_CP1252)}]"
_PATTERNS: dict[Oddity, re.Pattern[str]] = {
    "replacement character": re.compile("\ufffd+"),
    # UTF-8 that was read as Windows-1252: a lead byte's letter with the signs of the bytes behind it.
    # Two-byte pairs but for these two leads count only in a run, for they occur in good text.
    "mojibake": re.compile(
        f"(?:[\u00c2\u00c3]{_NEXT}|(?:[\u00c4-\u00df]{_NEXT}){{2}}|[\u00e0-\u00ef]{_NEXT}{{2}}"
        f"|[\u00f0-\u00f4]{_NEXT}{{3}})+"
    ),
    "control character": re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+"),
    "byte order mark": re.compile("\ufeff+"),
}


def _odd_texts(rows: Sequence[TrainingRow]) -> list[Finding]:
    found: dict[Oddity, list[tuple[int, Example]]] = {}
    for index, row in enumerate(rows):
        for oddity, badness, excerpt in _oddities(row):
            found.setdefault(oddity, []).append((badness, Example((index,), excerpt)))
    findings = []
    for oddity, examples in found.items():
        examples.sort(key=lambda example: example[0], reverse=True)
        findings.append(Finding(oddity, len(examples), tuple(e for _, e in examples[:EXAMPLES])))
    return findings


def _oddities(row: TrainingRow) -> Iterator[tuple[Oddity, int, str]]:
    """Each oddity of a row once: (oddity, how bad, excerpt)."""
    if isinstance(row, Chat) and (empty := sum(not message.content.strip() for message in row.messages)):
        yield "empty turn", empty, ""
    if not isinstance(row, Text):
        padded = [answer for answer in _answers(row) if answer != answer.strip()]
        if padded:
            worst = max(padded, key=lambda answer: len(answer) - len(answer.strip()))
            yield "outer white space", len(worst) - len(worst.strip()), _excerpt(worst, 0)
    whole = "\n".join(_texts(row))
    for oddity, pattern in _PATTERNS.items():
        if (oddity == "control character" or not whole.isascii()) and (match := pattern.search(whole)):
            yield oddity, sum(len(run) for run in pattern.findall(whole)), _excerpt(whole, match.start())


def _excerpt(text: str, at: int) -> str:
    """A few characters around `at`."""
    start = max(0, at - 12)
    return ("..." if start else "") + text[start : at + 20]
