"""What trials are chosen by, as it may be written."""

from pathlib import Path

import pytest

from sweeper.space.load import load_space
from sweeper.space.objective import AUTO, Objective
from tests.space.valid_space import VALID, write


@pytest.mark.parametrize(
    ("written", "objective", "in_words"),
    [
        ("", AUTO, "auto"),
        ("auto", AUTO, "auto"),
        ("target_loss", Objective((("target_loss", 1.0),)), "target_loss"),
        ("tone", Objective((("tone", 1.0),)), "tone"),
        (
            "{intents: 0.7, tone: 0.3}",
            Objective((("intents", 0.7), ("tone", 0.3))),
            "0.7 intents + 0.3 tone",
        ),
        (
            "{target_loss: 0.2, score: 0.8}",
            Objective((("target_loss", 0.2), ("score", 0.8))),
            "0.8 score - 0.2 target_loss",
        ),
    ],
)
def test_ways_to_write_it(tmp_path: Path, written: str, objective: Objective, in_words: str) -> None:
    text = VALID.replace("  seed: 3\n", f"  seed: 3\n  objective: {written}\n" if written else "  seed: 3\n")
    found = load_space(write(tmp_path, text)).search.objective
    assert found == objective
    assert str(found) == in_words
