"""For `sweep check`: whether the base can be promoted, asked of llama.cpp's converter and of Ollama."""

from pathlib import Path
from typing import Any

from rich.console import Console

from sweeper.commands.live_names import connect
from sweeper.commands.program import program
from sweeper.errors import InputError, SweepError
from sweeper.models.reference import BaseReference
from sweeper.space.space import Space


def show_promotable(console: Console, space: Space, base: BaseReference, tokenizer: Any) -> None:
    """Told in a line where it is known. Raises InputError where the converter does not take the base and the
    sweep is to end in a promotion."""
    from sweeper.promote.converter import converter_at_hand
    from sweeper.promote.convertible import vocabulary_of

    converter = converter_at_hand()
    if converter is None:
        console.print(
            "Whether llama.cpp's converter and Ollama take the base is asked once a promotion has fetched "
            f"the converter, or by `{program()} start {space.path.name} --smoke`.",
            highlight=False,
        )
        return
    vocabulary = vocabulary_of(base, tokenizer, converter)
    if vocabulary.refusal is None:
        _show_server(console, space, vocabulary.gguf)
        return
    reason = vocabulary.refusal.rstrip(".")
    told = InputError(
        f"model.base: {base.text}",
        f"llama.cpp's converter does not take it, so it cannot be promoted ({reason})",
        "Take another base, or train without promoting",
    )
    if space.promote.auto:
        raise told
    console.print(str(told), highlight=False, markup=False)


def _show_server(console: Console, space: Space, vocabulary: Path) -> None:
    """A server that is not there now may be there when the sweep has ended, and another one then."""
    from sweeper.promote.architecture_probe import server_refusal

    try:
        client = connect(space.promote)
        refusal, version = server_refusal(client, vocabulary), client.version()
    except SweepError as error:
        told = f"Whether Ollama takes the base could not be asked: {error}"
        console.print(told, highlight=False, markup=False)
        return
    where = f"Ollama {version} at {client.url}"
    told = f"{where} takes the base." if refusal is None else f"{where} does not take the base: {refusal}"
    console.print(told, highlight=False, markup=False)
