"""The guard stops a sweep for test, warns for dev, and lets through what is allowed."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from sweeper.commands.overlap import guard_against_overlap
from sweeper.data.load_rows import load_rows
from sweeper.errors import InputError
from sweeper.scoring.space_suites import space_suites
from sweeper.space.load import load_space
from tests.space.valid_space import VALID, write

SHARED = "Sort the message."
ROWS = [(f"Message number {number} says that the parcel is late", "late") for number in range(30)]
FRESH = [("The lamp came without its bulb", "part"), ("May I pay by invoice next time?", "pay")]


def lines(texts: list[tuple[str, str]]) -> str:
    return "".join(
        json.dumps({"instruction": SHARED, "input": text, "output": answer}) + "\n" for text, answer in texts
    )


def guard(folder: Path, dev: list[tuple[str, str]], test: list[tuple[str, str]], allow: bool = False) -> str:
    """What is shown."""
    text = VALID.replace("dev.yaml", "dev.jsonl").replace("test.yaml", "test.jsonl")
    if allow:
        text = text.replace("  train: train.jsonl", "  train: train.jsonl\n  allow_overlap: true")
    (folder / "dev.jsonl").write_text(lines(dev))
    (folder / "test.jsonl").write_text(lines(test))
    path = write(folder, text)
    (folder / "train.jsonl").write_text(
        lines([*ROWS, *(("Filler", "f"),) * 2, ("My chair has lost a leg", "part")])
    )
    space = load_space(path)
    console = Console(file=io.StringIO(), width=80)
    assert space.test is not None
    rows, _ = load_rows(space.data)
    guard_against_overlap(space, rows, space_suites(space), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_clean_suites_are_passed_in_silence(tmp_path: Path) -> None:
    assert guard(tmp_path, FRESH[:1], FRESH[1:]) == ""


def test_test_cases_among_the_rows_stop_the_sweep(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        guard(tmp_path, FRESH, [*FRESH, ("my chair has lost a leg!", "part")])
    assert str(caught.value) == (
        "evaluation.test (test): 1 of 3 cases stand among the training rows: 1 the same; the worst is "
        "case 'case-3' beside line 33. Take those rows out of data.train, "
        "or write `allow_overlap: true` under data."
    )
    assert caught.value.exit_code == 2


def test_unless_it_is_allowed(tmp_path: Path) -> None:
    shown = guard(tmp_path, FRESH, [*FRESH, ("My chair has lost one leg", "part")], allow=True)
    assert shown == (
        "evaluation.test (test): 1 of 3 cases stand among the training rows: "
        "1 with a few words changed and the same answer.\n"
        "  case 'case-3'  My chair has lost one leg\n"
        "  line 33        My chair has lost a leg\n\n"
    )


def test_dev_cases_among_the_rows_are_told(tmp_path: Path) -> None:
    planted = [(text.replace("late", "\x1b[31mlate"), answer) for text, answer in ROWS[:7]]
    shown = guard(tmp_path, planted, FRESH)
    assert shown.startswith("evaluation.dev (dev): 7 of 7 cases stand among the training rows: ")
    assert "and 2 more" in shown
    assert "\\x1b[31m" in shown
    assert "\x1b" not in shown
