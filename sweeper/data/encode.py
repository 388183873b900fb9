"""From rows to token ids, with the spans that are trained."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeper.data.render import Piece, pieces_of
from sweeper.data.rows import Text, TrainingRow
from sweeper.data.template import Template
from sweeper.space.data_settings import TrainOn

IGNORED = -100
"""The label of a position that is not trained, as in transformers."""

Span = tuple[int, int]
"""Positions from the first number up to the second, which is left out."""


@dataclass(frozen=True, slots=True)
class EncodedRow:
    """Token ids of one row. The loss is taken on those from `prompt_length` on, but for `untrained` spans.

    `prompt_length` is the first label's position, 1 at the least: nothing comes before a first token to
    predict it. `untrained` are the later turns of others, in order, none touching the next.
    """

    input_ids: tuple[int, ...]
    prompt_length: int
    untrained: tuple[Span, ...] = ()

    @classmethod
    def with_trained(cls, input_ids: Sequence[int], spans: Sequence[Span]) -> "EncodedRow":
        """The row in which `spans` alone are trained: in order, none empty.

        Tokens behind the last span change nothing and are left out. Raises ValueError without a span.
        """
        if not spans:
            raise ValueError("a row needs a token to train on")
        gaps = tuple((end, start) for (_, end), (start, _) in itertools.pairwise(spans) if end < start)
        return cls(tuple(input_ids[: spans[-1][1]]), max(spans[0][0], 1), gaps)

    @property
    def label_count(self) -> int:
        return len(self.input_ids) - self.prompt_length - sum(end - start for start, end in self.untrained)

    @property
    def labels(self) -> list[int]:
        """For each position its own token where it is trained, else IGNORED, as Hugging Face's `labels`."""
        labels = [IGNORED] * self.prompt_length + list(self.input_ids[self.prompt_length :])
        for start, end in self.untrained:
            labels[start:end] = [IGNORED] * (end - start)
        return labels

    def cut(self, length: int) -> "EncodedRow":
        """Its first `length` tokens, which must hold a trained one."""
        if length >= len(self.input_ids):
            return self
        gaps = tuple((start, min(end, length)) for start, end in self.untrained if start < length)
        if gaps and gaps[-1][1] == length:  # what is behind the last label changes nothing
            length, gaps = gaps[-1][0], gaps[:-1]
        return EncodedRow(self.input_ids[:length], self.prompt_length, gaps)


def encode_row(row: TrainingRow, template: Template, train_on: TrainOn = "completion") -> EncodedRow:
    """One row, by the template. Raises ValueError for a chat that the template needs apart."""
    if isinstance(row, Text):
        return encode_texts([row.text], template)[0]
    (pieces,) = pieces_of(row, template, train_on)
    return encode_pieces([pieces], template)[0]


def encode_pieces(rows: Sequence[Sequence[Piece]], template: Template) -> list[EncodedRow]:
    """Each row's pieces tokenised one by one and joined, so that a prompt has the ids that it
    has alone."""
    ids = iter(template.piece_ids([(piece.text, at > 0) for row in rows for at, piece in enumerate(row)]))
    return [_joined(row, ids) for row in rows]


def _joined(pieces: Sequence[Piece], ids: Iterator[list[int]]) -> EncodedRow:
    joined: list[int] = []
    spans: list[Span] = []
    for piece in pieces:
        start = len(joined)
        joined += next(ids)
        if piece.trained:
            spans.append((start, len(joined)))
    return EncodedRow.with_trained(joined, spans)


def encode_texts(texts: Sequence[str], template: Template) -> list[EncodedRow]:
    """Plain texts: the tokenizer's own first token where it has one, and the end token behind them."""
    end = template.tokenizer.eos_token_id
    rows: list[list[int]] = template.tokenizer(list(texts))["input_ids"]
    closed = (ids if ids[-1:] == [end] or end is None else [*ids, end] for ids in rows)
    return [EncodedRow(tuple(ids), 1) for ids in closed]


def common_prefix_length(rows: Sequence[EncodedRow]) -> int:
    """How many first tokens all `rows` share, ended before the position that predicts a first label."""
    first = rows[0]
    length = min(row.prompt_length for row in rows) - 1
    for other in rows:
        while first.input_ids[:length] != other.input_ids[:length]:
            length -= 1
    return max(length, 0)
