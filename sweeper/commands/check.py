"""`sweep check`: a space held to all rules without training, and a row as the model sees it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from sweeper.commands.check_by_config import check_by_config
from sweeper.commands.overlap import guard_against_overlap
from sweeper.commands.program import program
from sweeper.commands.promotable import show_promotable
from sweeper.data.encode import IGNORED
from sweeper.data.load_rows import RowSet, load_rows, train_on
from sweeper.data.template import custom_template
from sweeper.errors import InputError
from sweeper.home import Home
from sweeper.memory.gpus import gpu_bytes, gpu_takes_bfloat16
from sweeper.models.devices import precision_of
from sweeper.models.hardware import cuda_count
from sweeper.models.precision import Precision, precision_on_gpu
from sweeper.models.quiet import quiet_libraries
from sweeper.models.tokenizer import may_have_tokenizer
from sweeper.promote.quantizer import refuse_without_quantizer
from sweeper.report.data_lines import data_lines
from sweeper.report.example import example_text
from sweeper.report.space import space_table
from sweeper.scoring.preflight import ready_suites
from sweeper.space.base import BaseReference, resolve_base
from sweeper.space.load import load_space
from sweeper.space.space import Space
from sweeper.space.survey import extreme_values
from sweeper.space.training_identity import coinciding_sentences

if TYPE_CHECKING:
    from sweeper.data.encode import EncodedRow
    from sweeper.data.encode_rows import EncodedRows
    from sweeper.data.template import Template


def check(home: Home, space_path: Path, gpu: str | None = None) -> None:
    """Files first, then what needs the tokenizer and the model's configuration; no weights are read.

    `gpu` is a GPU's name or a size, on which memory is looked at in place of what is here. Of a model's
    folder that holds no tokenizer the config alone is looked at.
    """
    quiet_libraries()
    space = load_space(space_path)
    if gpu is not None:
        space = replace(space, limits=replace(space.limits, gpu_memory_bytes=(gpu_bytes(gpu),)))
    chat_template = custom_template(space.data)
    base = resolve_base(space.base, space.path.parent)
    precision = _precision(space, base, gpu)
    rows, validation = load_rows(space.data)
    suites = ready_suites(space)
    console = Console()
    console.print(space_table(space, len(rows.rows), suites))
    for note in space.notes:
        console.print(note, highlight=False)
    guard_against_overlap(space, rows, suites, console)
    if not may_have_tokenizer(base):
        check_by_config(console, space, base, precision)
        return
    encoded, template, shapes = _encode(space, rows, chat_template)
    _show_data(console, space, rows, encoded, validation)
    console.print(precision.sentence(), highlight=False)
    _show_quantizer(console, space)
    show_promotable(console, space, base, template.tokenizer)
    _show_memory(console, space, encoded, precision)
    _show_cost(console, home, space, encoded, shapes)
    for sentence in coinciding_sentences(space.parameters, max(len(row.input_ids) for row in encoded.rows)):
        console.print(sentence, highlight=False)
    _show_example(console, encoded.rows[0], template)
    console.print(f"{space.name} is ready:  {program()} start {space_path}", highlight=False)


def _precision(space: Space, base: BaseReference, gpu: str | None) -> Precision:
    """How trials will hold the base: here, or on a GPU where one is named or where they cannot train here."""
    if gpu is not None:
        return precision_on_gpu(space.model, gpu_takes_bfloat16(gpu))
    if not may_have_tokenizer(base) and space.workers.devices != () and not cuda_count():
        return precision_on_gpu(space.model, takes_bfloat16=True)
    return precision_of(space)


def _encode(
    space: Space, rows: RowSet, chat_template: str | None
) -> "tuple[EncodedRows, Template, dict[str, tuple[int, int]]]":
    """Rows as token ids, and the layers that adapters sit on, with inputs and outputs.

    Raises InputError for a space in which some trial could not train.
    """
    from sweeper.data.encode_rows import encode_rows
    from sweeper.data.template import template_of
    from sweeper.memory.fitness import refuse_unfit
    from sweeper.models.config import read_config
    from sweeper.models.skeleton import linear_layer_shapes
    from sweeper.models.tokenizer import load_tokenizer

    base = resolve_base(space.base, space.path.parent)
    read_config(base)  # where there is no model it says so, which a tokenizer's loader does not
    template = template_of(load_tokenizer(base), chat_template)
    encoded = encode_rows(rows, template, train_on(space.data, rows.format))
    lengths = [len(row.input_ids) for row in encoded.rows]
    prompts = [row.prompt_length for row in encoded.rows]
    shapes = linear_layer_shapes(base)
    refuse_unfit(space, lengths, prompts, tuple(shapes))
    return encoded, template, shapes


def _show_data(
    console: Console, space: Space, rows: RowSet, encoded: "EncodedRows", validation: RowSet | None
) -> None:
    from sweeper.data.quality import examine

    lengths = [int(str(value)) for value in extreme_values(space, "max_seq_length")]
    for line in data_lines(examine(rows, encoded, lengths, validation)):
        console.print(line, highlight=False, markup=False)


def _show_quantizer(console: Console, space: Space) -> None:
    """Raises InputError where the sweep is to end in a promotion; else it may go on on another machine, or
    with a checkout of llama.cpp that only `sweep promote` is given."""
    try:
        refuse_without_quantizer(space.promote)
    except InputError as error:
        if space.promote.auto:
            raise
        console.print(str(error), highlight=False, markup=False)


def _show_memory(console: Console, space: Space, encoded: "EncodedRows", precision: Precision) -> None:
    """What fits, where a limit is known. On a CPU without one there is nothing to predict for."""
    from sweeper.memory.base_config import BaseConfig
    from sweeper.memory.check_lines import memory_lines
    from sweeper.memory.device_limit import smallest_limit
    from sweeper.memory.settings import BaseSettings
    from sweeper.models.config import read_config

    if smallest_limit(space.limits) is None:
        return
    config = BaseConfig.of(read_config(resolve_base(space.base, space.path.parent)))
    lengths = [len(row.input_ids) for row in encoded.rows]
    prompts = [row.prompt_length for row in encoded.rows]
    for line in memory_lines(space, config, BaseSettings.of(precision), lengths, prompts):
        console.print(line, highlight=False, markup=False)


def _show_cost(
    console: Console, home: Home, space: Space, encoded: "EncodedRows", shapes: dict[str, tuple[int, int]]
) -> None:
    """Nothing is trained for it: what is expected, and how long that takes where it was measured before."""
    from sweeper.commands.cost import cost_lines

    lengths = [len(row.input_ids) for row in encoded.rows]
    prompts = [row.prompt_length for row in encoded.rows]
    for line in cost_lines(home, space, shapes, lengths, prompts):
        console.print(line, highlight=False, markup=False)


def _show_example(console: Console, row: "EncodedRow", template: "Template") -> None:
    how = "in green" if console.color_system else "between ⟦ and ⟧"
    where = "" if template.has_own else " (Instruction/Input/Output lines: the model has no chat template)"
    console.print(f"\nThe first row as the model sees it{where}; what is trained stands {how}:\n")
    pieces = [
        (template.tokenizer.decode([token]), label != IGNORED)
        for token, label in zip(row.input_ids, row.labels, strict=True)
    ]
    console.print(example_text(pieces, colour=bool(console.color_system)))
    console.print()
