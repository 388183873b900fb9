"""What MLflow is to keep of an event, as plain values: no MLflow in here."""

import dataclasses
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.events import (
    BASE_TRIAL,
    CaseAnswer,
    MemoryMeasured,
    StepTrained,
    SuiteScored,
    SystemSampled,
    TrialStarted,
    ValidationLoss,
)
from sweeper.scoring.means import tag_scores
from sweeper.scoring.pairing import compare_answers
from sweeper.scoring.statistics import score_interval
from sweeper.scoring.visible import visible
from sweeper.space.trial_config import TrialConfig


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric. `step` counts examples seen in training, or trials in a sweep's own run."""

    key: str
    value: float
    time: float
    step: int


def milliseconds(seconds: float) -> int:
    """MLflow's time stamp. It is part of a point's key: the same point written twice is stored once."""
    return round(seconds * 1000)


def trial_parameters(config: TrialConfig, started: TrialStarted | None) -> dict[str, str]:
    """A trial's parameters. MLflow keeps texts only; a number's text is one that its plots read back.

    What does not apply (max_steps beside epochs) is left out: a "None" would end a numeric axis.
    """
    values = dataclasses.asdict(config)
    if started is not None:
        values["micro_batch_size"] = started.micro_batch_size
        if config.gradient_checkpointing is None:
            values["gradient_checkpointing"] = started.gradient_checkpointing
        values["gradient_accumulation_steps"] = started.gradient_accumulation_steps
        values["base_dtype"], values["base_quantization"] = started.dtype, started.quantization
        values["dropped_rows"] = started.dropped_rows
    return {key: _text(value) for key, value in values.items() if value is not None}


def curve_points(event: StepTrained | ValidationLoss | SystemSampled) -> list[Point]:
    """Loss, learning rate and gradient norm, or eval_loss, over the examples seen; or how busy the machine
    was, under the names by which MLflow's UI knows system metrics."""
    if isinstance(event, ValidationLoss):
        return [point("eval_loss", event.value, event.time, event.examples)]
    if isinstance(event, SystemSampled):
        system = {f"system/{key}": value for key, value in event.values.items()}
        return [point(key, value, event.time, event.examples) for key, value in system.items()]
    values = {"loss": event.loss, "learning_rate": event.learning_rate, "grad_norm": event.grad_norm}
    return [point(key, value, event.time, event.examples) for key, value in values.items()]


def memory_points(event: MemoryMeasured, step: int) -> list[Point]:
    """The measured peak, and what was predicted with its error as a share of what was measured."""
    values = {"memory/measured_bytes": float(event.measured_bytes)}
    if event.predicted_bytes is not None:
        values["memory/predicted_bytes"] = float(event.predicted_bytes)
        values["memory/error"] = event.predicted_bytes / event.measured_bytes - 1
    return [point(key, value, event.time, step) for key, value in values.items()]


def point(key: str, value: float, time: float, step: int) -> Point:
    """A point; infinity becomes NaN, which plots leave out. MLflow would store it as 1.8e308."""
    return Point(key, value if math.isfinite(value) else math.nan, time, step)


def safe_name(name: str) -> str:
    """`name` with only what MLflow takes in metric names and paths."""
    return re.sub(r"[^A-Za-z0-9_.\- ]", "_", name)


def score_points(event: SuiteScored, step: int, base: Sequence[CaseAnswer] = ()) -> list[Point]:
    """A suite's score with its 95 % interval, the score of each of its tags, what answering and scoring
    it cost, and of a trial the difference from what the `base` answered, case by case.

    The interval is where the mean over all such cases may lie; see docs/statistics.md.
    """
    suite = safe_name(event.suite)
    tags = {f"score/{suite}/{safe_name(tag)}": mean for tag, mean in tag_scores(event.answers).items()}
    values = {
        **({} if event.score is None else {f"score/{suite}": event.score}),
        **tags,
        **_interval(event.answers, suite),
        **(_gain(base, event.answers, suite) if event.trial != BASE_TRIAL else {}),
        f"scoring_seconds/{suite}": event.wall_seconds,
        f"prompt_tokens/{suite}": float(event.prompt_tokens),
        f"answer_tokens/{suite}": float(event.answer_tokens),
    }
    return [point(key, value, event.time, step) for key, value in values.items()]


def _interval(answers: Sequence[CaseAnswer], suite: str) -> dict[str, float]:
    scored = [(answer.score, answer.group) for answer in answers if answer.score is not None]
    if not scored:
        return {}
    interval = score_interval([score for score, _ in scored], [group for _, group in scored])
    return {f"score_low/{suite}": interval.low, f"score_high/{suite}": interval.high}


def _gain(base: Sequence[CaseAnswer], answers: Sequence[CaseAnswer], suite: str) -> dict[str, float]:
    found = compare_answers(base, answers)
    if found is None:
        return {}
    return {
        f"gain/{suite}": found.difference,
        f"gain_low/{suite}": found.interval.low,
        f"gain_high/{suite}": found.interval.high,
        f"gain_p_value/{suite}": found.p_value,
    }


def answer_table(answers: tuple[CaseAnswer, ...]) -> str:
    """JSON in the form that MLflow's UI shows as a table: wrong cases first, else in case order, those
    that are only shown last. What each assertion says stands in one column, a line for each."""
    wrong_first = sorted(answers, key=lambda answer: (answer.score is None, answer.score or 0.0))
    columns = ["case_id", "prompt", "answer", "expected", "score", "assertions", "tags"]
    return json.dumps({"columns": columns, "data": list(map(_row, wrong_first))}, ensure_ascii=False)


def _row(answer: CaseAnswer) -> list[str | float | None]:
    results = [f"{result.type} {result.score:.3g}: {result.reason}" for result in answer.results]
    texts = (answer.case_id, answer.prompt, answer.answer, answer.expected)
    return [*map(visible, texts), answer.score, visible("\n".join(results)), ", ".join(answer.tags)]


def table_list(paths: list[str]) -> str:
    """The value of the tag by which MLflow's UI knows which artifacts are tables."""
    return json.dumps([{"path": path, "type": "table"} for path in paths])


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
