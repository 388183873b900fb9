"""From rows to token ids, with the place where the trained part begins."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.data.rows import Row
from sweeper.data.template import Template


@dataclass(frozen=True, slots=True)
class EncodedRow:
    """Token ids of one row. The loss is taken on the tokens from `prompt_length` on (completion only)."""

    input_ids: tuple[int, ...]
    prompt_length: int

    @property
    def label_count(self) -> int:
        return len(self.input_ids) - self.prompt_length


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
        EncodedRow(row.input_ids[:max_seq_length], row.prompt_length)
        for row in rows
        if row.prompt_length < max_seq_length
    )


def common_prefix_length(rows: Sequence[EncodedRow]) -> int:
    """How many first tokens all `rows` share, ended before the position that predicts a first label."""
    first, *others = rows
    length = min(row.prompt_length for row in rows) - 1
    for other in others:
        while first.input_ids[:length] != other.input_ids[:length]:
            length -= 1
    return max(length, 0)
