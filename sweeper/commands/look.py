"""A look at the test suite: base and trial answer it, and that they did is kept."""

import contextlib
import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sweeper.events import BASE_TRIAL, CaseAnswer
from sweeper.home import Home, SweepFolder
from sweeper.models.devices import precision_of
from sweeper.models.reference import resolve_base
from sweeper.report.progress import TrialProgress
from sweeper.scoring.fingerprint import suite_fingerprint
from sweeper.scoring.looks import Look, append_look, latest, read_looks
from sweeper.scoring.score import Score
from sweeper.scoring.suite import Suite
from sweeper.space.space import Space

if TYPE_CHECKING:
    from sweeper.models.load import Base
    from sweeper.promote.promotion import Promotion

Answering = Callable[[int, Suite], Score]
"""Answers a suite with the adapter of a trial, or with the base for BASE_TRIAL."""


def look_at_test(folder: SweepFolder, trial: int, suite: Suite, by: str, answer: Answering) -> None:
    """Has base and `trial` answer `suite`, each only if it did not before, and keeps what was seen."""
    looks, cases = read_looks(folder.test_looks), suite_fingerprint(suite)
    for number in (BASE_TRIAL, trial):
        if latest(looks, number, cases) is None:
            _keep(folder, number, suite, by, answer(number, suite))


def keep_promoted(
    folder: SweepFolder, trial: int, suite: Suite, promotion: "Promotion", answer: Answering
) -> None:
    """A promotion has the trial answer test through Ollama: a look too. The base answers if it did not."""
    looks, cases = read_looks(folder.test_looks), suite_fingerprint(suite)
    if latest(looks, BASE_TRIAL, cases) is None:
        _keep(folder, BASE_TRIAL, suite, "promote", answer(BASE_TRIAL, suite))
    groups = {case.id: case.group for case in suite.cases}
    answers = tuple(
        CaseAnswer(each.case_id, "", each.ollama, each.expected, each.score, group=groups.get(each.case_id))
        for each in promotion.answers
    )
    if promotion.ollama_score is None:  # a suite of losses alone, which Ollama does not tell
        return
    _keep(folder, trial, suite, "promote", Score(suite.name, promotion.ollama_score, 0.0, answers))


def _keep(folder: SweepFolder, trial: int, suite: Suite, by: str, seen: Score) -> None:
    if seen.score is None:  # no case expects anything: there is nothing to claim on it
        return
    look = Look(trial, time.time(), suite.name, suite_fingerprint(suite), by, seen.score, seen.answers)
    append_look(folder.test_looks, look)


def answering(space: Space, folder: SweepFolder, trial: TrialProgress) -> Answering:
    """Loads the base once, at the first call, as trials were trained on it; the trial's adapter at the first
    call that needs it."""

    @functools.cache
    def base() -> "Base":
        from sweeper.models.load import load_base

        base = resolve_base(space.base, space.path.parent)
        dequantised = Home(folder.path.parents[1]).dequantised
        return load_base(base, precision_of(space), dequantised)

    @functools.cache
    def tuned() -> Any:
        """The base's own layers, wrapped: from here on the base is the same model with its adapter off."""
        from peft import PeftModel

        assert trial.adapter is not None, "a complete trial has one"
        return PeftModel.from_pretrained(base().model, folder.path / trial.adapter)

    def answer(number: int, suite: Suite) -> Score:
        from sweeper.data.template import custom_template, template_of
        from sweeper.scoring.score import score_suite

        template = template_of(base().tokenizer, custom_template(space.data))
        if number != BASE_TRIAL:
            return score_suite(tuned(), template, suite)
        is_wrapped = tuned.cache_info().currsize > 0
        with tuned().disable_adapter() if is_wrapped else contextlib.nullcontext():
            return score_suite(base().model, template, suite)

    return answer
