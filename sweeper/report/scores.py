"""What a suite says of one model or of several, as tables and sentences."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from sweeper.events import CaseAnswer
from sweeper.report.text import duration, score
from sweeper.scoring.means import tag_scores
from sweeper.scoring.score import Score
from sweeper.scoring.statistics import Comparison
from sweeper.scoring.visible import one_line

MOST_CASES = 10
_CELL = 80


def scores_table(scores: Sequence[tuple[str, Score]]) -> Table:
    """A line for each model: its score, that of each tag, and what it cost."""
    table = Table(box=box.SIMPLE_HEAD)
    tags = list(dict.fromkeys(tag for _, each in scores for tag in tag_scores(each.answers)))
    for name in ("model", scores[0][1].suite, *tags, "cases scored", "seconds", "answer tokens"):
        table.add_column(one_line(name, _CELL), justify="left" if name == "model" else "right")
    for label, each in scores:
        by_tag = tag_scores(each.answers)
        scored = sum(answer.score is not None for answer in each.answers)
        table.add_row(
            Text(one_line(label, _CELL)),
            score(each.score),
            *(score(by_tag.get(tag)) for tag in tags),
            f"{scored} of {len(each.answers)}",
            duration(each.wall_seconds),
            str(each.answer_tokens),
        )
    return table


def cases_table(answers: Sequence[CaseAnswer], most: int = MOST_CASES) -> Table:
    """Wrong cases first, then those that are only shown: the answer, and why it was not right."""
    unlike_right = [answer for answer in answers if answer.score is None or answer.score < 1]
    wrong_first = sorted(unlike_right, key=lambda answer: (answer.score is None, answer.score or 0.0))
    table = Table(box=box.SIMPLE_HEAD, show_lines=False)
    for name in ("case", "score", "answer", "why"):
        table.add_column(name, justify="right" if name == "score" else "left")
    for answer in wrong_first[:most]:
        reasons = "; ".join(result.reason for result in answer.results if result.score < 1)
        cells = (answer.case_id, score(answer.score), answer.answer, reasons)
        table.add_row(*(Text(one_line(cell, _CELL)) for cell in cells))
    if len(wrong_first) > most:
        table.caption = f"and {len(wrong_first) - most} more: --json shows all"
    return table


def comparison_line(label: str, other: str, found: Comparison | None) -> str:
    """`label` beside `other` in one sentence."""
    if found is None:
        return f"{label} and {other} share no case with a score."
    interval = f"[{found.interval.low:+.3f}, {found.interval.high:+.3f}]"
    told = (
        f"{label} is {found.difference:+.3f} beside {other}, 95 % interval {interval}, "
        f"p = {found.p_value:.2g}, n = {found.cases}"
    )
    if found.is_settled:
        return told + "."
    if found.cases_to_settle is None:
        return told + ": the two cannot be told apart."
    return told + f": it may be chance; about {found.cases_to_settle} such cases would settle it."


def scores_json(
    scores: Sequence[tuple[str, Score]], comparisons: Sequence[tuple[str, Comparison | None]]
) -> dict[str, Any]:
    """Plain values for json.dumps. The first model is the one that the others are held against.

    suite: str; models: [{model, score, tags, wall_seconds, prompt_tokens, answer_tokens, answers}];
    comparisons: [{against, difference, interval: [low, high], p_value, cases, cases_to_settle}].
    """
    return {
        "suite": scores[0][1].suite,
        "models": [
            {
                "model": label,
                "score": each.score,
                "tags": tag_scores(each.answers),
                "wall_seconds": each.wall_seconds,
                "prompt_tokens": each.prompt_tokens,
                "answer_tokens": each.answer_tokens,
                "answers": [dataclasses.asdict(answer) for answer in each.answers],
            }
            for label, each in scores
        ],
        "comparisons": [
            {
                "against": other,
                "difference": found.difference,
                "interval": [found.interval.low, found.interval.high],
                "p_value": found.p_value,
                "cases": found.cases,
                "cases_to_settle": found.cases_to_settle,
            }
            for other, found in comparisons
            if found is not None
        ],
    }
