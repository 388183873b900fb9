"""`sweep check`: a space held to all rules without training, and a row as the model sees it."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from sweeper.commands.program import program
from sweeper.data.rows import Row, read_rows
from sweeper.report.example import example_text
from sweeper.report.space import space_table
from sweeper.scoring.load_suite import load_suite
from sweeper.space.base import resolve_base
from sweeper.space.load import load_space
from sweeper.space.space import Space

if TYPE_CHECKING:
    from sweeper.data.encode import EncodedRow
    from sweeper.data.template import Template


def check(space_path: Path) -> None:
    """Files first, then what needs the tokenizer and the model's configuration; no weights are read."""
    space = load_space(space_path)
    rows = read_rows(space.train)
    suites = [load_suite(path) for path in (space.dev, space.test) if path is not None]
    console = Console()
    console.print(space_table(space, len(rows), [(suite.name, len(suite.cases)) for suite in suites]))
    encoded, template = _encode(space, rows)
    _show_lengths(console, [len(row.input_ids) for row in encoded])
    _show_example(console, encoded[0], template)
    console.print(f"{space.name} is ready:  {program()} start {space_path}", highlight=False)


def _encode(space: Space, rows: tuple[Row, ...]) -> "tuple[list[EncodedRow], Template]":
    """Rows as token ids. Raises InputError for a space in which some trial could not train."""
    from sweeper.data.encode import encode_row
    from sweeper.data.template import template_of
    from sweeper.memory.fitness import refuse_unfit
    from sweeper.models.skeleton import linear_layer_names
    from sweeper.models.tokenizer import load_tokenizer

    base = resolve_base(space.base, space.path.parent)
    template = template_of(load_tokenizer(base))
    encoded = [encode_row(row, template) for row in rows]
    lengths, prompts = [len(row.input_ids) for row in encoded], [row.prompt_length for row in encoded]
    refuse_unfit(space, lengths, prompts, linear_layer_names(base))
    return encoded, template


def _show_lengths(console: Console, lengths: list[int]) -> None:
    middle = sorted(lengths)[len(lengths) // 2]
    console.print(
        f"Rows have {min(lengths)} to {max(lengths)} tokens, half of them up to {middle}.", highlight=False
    )


def _show_example(console: Console, row: "EncodedRow", template: "Template") -> None:
    how = "in green" if console.color_system else "between ⟦ and ⟧"
    where = "" if template.has_own else " (Instruction/Input/Output lines: the model has no chat template)"
    console.print(f"\nThe first row as the model sees it{where}; what is trained stands {how}:\n")
    pieces = [
        (template.tokenizer.decode([token]), place >= row.prompt_length)
        for place, token in enumerate(row.input_ids)
    ]
    console.print(example_text(pieces, colour=bool(console.color_system)))
    console.print()
