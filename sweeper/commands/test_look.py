"""A look at the test suite: base and trial answer it, and that they did is kept."""

import time
from collections.abc import Callable
from pathlib import Path

from sweeper.events import BASE_TRIAL
from sweeper.home import SweepFolder
from sweeper.models.reference import resolve_base
from sweeper.report.progress import TrialProgress
from sweeper.scoring.looks import Look, append_look, cases_hash, latest, read_looks
from sweeper.scoring.score import Score
from sweeper.scoring.suite import Suite
from sweeper.space.space import Space

Answering = Callable[[int, Suite], Score]
"""Answers a suite with the adapter of a trial, or with the base for BASE_TRIAL."""


def look_at_test(folder: SweepFolder, trial: int, suite: Suite, by: str, answer: Answering) -> None:
    """Has base and `trial` answer `suite`, each only if it did not before, and keeps what was seen."""
    looks, cases = read_looks(folder.test_looks), cases_hash(suite)
    for number in (BASE_TRIAL, trial):
        if latest(looks, number, cases) is None:
            seen = answer(number, suite)
            look = Look(number, time.time(), suite.name, cases, by, seen.score, seen.answers)
            append_look(folder.test_looks, look)


def answering(space: Space, folder: SweepFolder, trial: TrialProgress) -> Answering:
    """Loads the base at the first call. The base must be asked before the trial, whose adapter stays on."""
    loaded: list[object] = []

    def answer(number: int, suite: Suite) -> Score:
        from peft import PeftModel

        from sweeper.data.template import template_of
        from sweeper.models.load import load_base
        from sweeper.scoring.score import score_suite

        base = load_base(resolve_base(space.base, space.path.parent))
        loaded.append(base)
        if number == BASE_TRIAL:
            return score_suite(base.model, template_of(base.tokenizer), suite)
        adapter: Path = folder.path / (trial.adapter or "")
        model = PeftModel.from_pretrained(base.model, adapter)
        return score_suite(model, template_of(base.tokenizer), suite)

    return answer
