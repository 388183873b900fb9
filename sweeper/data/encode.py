"""From rows to token ids, with the place where the trained part begins."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.data.rows import Row
from sweeper.data.template import Template

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
        """The row in which `spans` alone are trained: in order, apart from each other, none empty.

        Tokens behind the last span change nothing and are left out. Raises ValueError without a span.
        """
        if not spans:
            raise ValueError("a row needs a token to train on")
        gaps = tuple((end, start) for (_, end), (start, _) in itertools.pairwise(spans))
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


def encode_row(row: Row, template: Template) -> EncodedRow:
    """The whole row: prompt by the template, then the output closed by the template's end of turn.

    Prompt and completion are tokenised apart, as they will be when the model answers by itself.
    """
    prompt = template.token_ids(template.prompt(row.instruction, row.input))
    completion = template.token_ids(row.output + template.end)
    return EncodedRow((*prompt, *completion), len(prompt))


def cut_rows(rows: Sequence[EncodedRow], max_seq_length: int) -> tuple[EncodedRow, ...]:
    """Rows cut to `max_seq_length` tokens; those that keep no trained token are dropped."""
    return tuple(
        row.cut(max_seq_length) for row in rows if row.prompt_length < min(max_seq_length, len(row.input_ids))
    )


def common_prefix_length(rows: Sequence[EncodedRow]) -> int:
    """How many first tokens all `rows` share, ended before the position that predicts a first label."""
    first, *others = rows
    length = min(row.prompt_length for row in rows) - 1
    for other in others:
        while first.input_ids[:length] != other.input_ids[:length]:
            length -= 1
    return max(length, 0)
