"""A row as the model sees it."""

from rich.console import Console

from sweeper.report.example import example_text

PIECES = [
    ("<|im_start|>", False),
    ("user\n", False),
    ("Hi", False),
    ("<|im_end|>\n", False),
    ("Yes", True),
    ("<|im_end|>", True),
    ("\n", False),
]


def test_without_colour_the_trained_part_stands_in_brackets() -> None:
    assert example_text(PIECES, colour=False).plain == (
        "<|im_start|>user↵\nHi<|im_end|>↵\n⟦Yes<|im_end|>⟧↵\n"
    )


def test_in_colour_the_trained_part_is_styled_and_the_text_is_the_same() -> None:
    text = example_text(PIECES, colour=True)
    assert text.plain == "<|im_start|>user↵\nHi<|im_end|>↵\nYes<|im_end|>↵\n"
    assert [text.plain[span.start : span.end] for span in text.spans] == ["Yes<|im_end|>"]


def test_nothing_in_a_row_is_markup_or_steers_the_terminal() -> None:
    pieces = [("[red]a[/red]\x1b[31m\u202e", False), ("\x07b\tc d\u3000é日", True)]
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(example_text(pieces, colour=False))
    assert "\x1b" not in capture.get()
    plain = example_text(pieces, colour=False).plain
    assert plain == "[red]a[/red]\\x1b[31m\\u202e⟦\\x07b⇥\tc d\u3000é日⟧"
