"""`sweep score`: a suite asked of any model, alone or beside others."""

import functools
import json
from pathlib import Path

from rich.console import Console

from sweeper.errors import InputError
from sweeper.home import Home
from sweeper.models.quiet import quiet_libraries
from sweeper.models.reference import resolve_base
from sweeper.report.scores import cases_table, comparison_line, scores_json, scores_table
from sweeper.report.steps import StepsView
from sweeper.scoring.cache import AnswerCache
from sweeper.scoring.contender import ADAPTER_CONFIG, OLLAMA, Contender, Scoreboard, parse_contender
from sweeper.scoring.load_suite import load_suite
from sweeper.scoring.pairing import compare_answers
from sweeper.scoring.preflight import refuse_judges, refuse_tasks
from sweeper.scoring.score import Score


def score(
    home: Home,
    suite_path: Path,
    model: str | None,
    adapter: Path | None,
    ollama: str | None,
    against: list[str],
    as_json: bool,
) -> None:
    """The first model is held against each of `against`, on the cases that both have a score for."""
    suite = load_suite(suite_path)
    contenders = _contenders(model, adapter, ollama, against)
    refuse_judges([suite])
    refuse_tasks([suite])
    quiet_libraries()
    board = Scoreboard(AnswerCache(home.answer_cache))
    scores: list[tuple[str, Score]] = []
    with StepsView(Console(stderr=True)) as view:
        for contender in contenders:
            step = f"ask {contender.label}"
            view.progress(step, None)
            progress = functools.partial(_tell, view, step)
            scores.append((contender.label, board.score(contender, suite, progress)))
    _show(scores, as_json)


def _tell(view: StepsView, step: str, done: int, total: int) -> None:
    view.progress(step, done / total)


def _contenders(
    model: str | None, adapter: Path | None, ollama: str | None, against: list[str]
) -> list[Contender]:
    if (model is None) == (ollama is None):
        problem = "no model is named" if model is None else "excludes --ollama"
        raise InputError("--model", problem, "Name one, by --model REF or by --ollama NAME")
    base = resolve_base(model, Path.cwd()) if model is not None else None
    if adapter is None:
        first = Contender(f"{OLLAMA}{ollama}", ollama=ollama) if ollama else Contender(str(model), base=base)
    else:
        first = Contender(str(adapter), base=base, adapter=_adapter(adapter, base is not None))
    return [first, *(parse_contender(text, base) for text in against)]


def _adapter(folder: Path, has_base: bool) -> Path:
    if not has_base:
        raise InputError("--adapter", "belongs to a base model, and none is named", "Add --model")
    if not (folder / ADAPTER_CONFIG).is_file():
        problem = "holds no adapter_config.json, must be a PEFT adapter's folder"
        raise InputError(f"--adapter {folder}", problem, "A trial's lies in mlruns/sweeps/NAME/trials")
    return folder


def _show(scores: list[tuple[str, Score]], as_json: bool) -> None:
    label, first = scores[0]
    others = [(other, compare_answers(found.answers, first.answers)) for other, found in scores[1:]]
    if as_json:
        print(json.dumps(scores_json(scores, others), indent=2))
        return
    console = Console()
    console.print(scores_table(scores))
    for other, comparison in others:
        console.print(comparison_line(label, other, comparison), highlight=False, markup=False)
    if any(answer.score is None or answer.score < 1 for answer in first.answers):
        console.print(cases_table(first.answers))
