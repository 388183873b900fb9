"""What trials are chosen by, as a space file says it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.rules import LIMIT
from sweeper.space.wording import is_number, shown

SCORE_NAME = "score"
LOSS_NAME = "target_loss"
_AUTO_NAME = "auto"


@dataclass(frozen=True, slots=True)
class Objective:
    """A sum that is as high as possible: each suite's score times its weight, and less target_loss times its.

    All weights are above 0; that a loss is to be low is known and not written. `score` stands for the
    first dev suite. Without weights (AUTO) the suites decide, see scoring/steering.py.
    """

    weights: tuple[tuple[str, float], ...]

    @property
    def loss_weight(self) -> float:
        return sum(weight for name, weight in self.weights if name == LOSS_NAME)

    @property
    def score_weights(self) -> Mapping[str, float]:
        """By suite, or `score`."""
        return {name: weight for name, weight in self.weights if name != LOSS_NAME}

    def __str__(self) -> str:
        """'score', 'target_loss', '0.7 suite-a + 0.3 suite-b', '0.8 score - 0.2 target_loss'."""
        if len(self.weights) < 2:
            return next((name for name, _ in self.weights), _AUTO_NAME)
        scores = [f"{weight:g} {name}" for name, weight in self.score_weights.items()]
        loss = f" - {self.loss_weight:g} {LOSS_NAME}" if self.loss_weight else ""
        return " + ".join(scores) + loss


AUTO = Objective(())
SCORE = Objective(((SCORE_NAME, 1.0),))
TARGET_LOSS = Objective(((LOSS_NAME, 1.0),))

_EXAMPLE = "{suite-a: 0.7, suite-b: 0.3}"


def _objective(raw: Any) -> Objective:
    """A name, or names with their weights. Which suites there are is not known here."""
    if raw == _AUTO_NAME:
        return AUTO
    if isinstance(raw, str) and raw.strip():
        return Objective(((raw, 1.0),))
    if not isinstance(raw, dict) or not raw:
        problem = (
            f"is {shown(raw)}, must be score, target_loss, auto, a dev suite's name, or weights of these"
        )
        raise BrokenRule(problem, f"Write for example `objective: {_EXAMPLE}`")
    return Objective(tuple((name, _weight(name, value)) for name, value in raw.items()))


def _weight(name: str, value: Any) -> float:
    is_weight = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if is_weight and 0 < value <= LIMIT:
        return float(value)
    problem = f"is {shown(value)}, must be a weight above 0"
    if is_weight and value < 0 and name == LOSS_NAME:
        raise BrokenRule(f"{problem}: it is subtracted as it is", f"Write {-value:g}", (name,))
    if value == 0 and is_weight:
        raise BrokenRule(f"{problem}: it would count for nothing", "Remove it", (name,))
    fix = f"Write {value.strip()} without quotes" if isinstance(value, str) and is_number(value) else None
    raise BrokenRule(problem, fix or "Write for example 0.5", (name,))


_WeightText = Annotated[float, Field(gt=0, le=LIMIT)]
_NameText = Annotated[str, Field(pattern=r"\S")]
_ObjectiveText = _NameText | Annotated[dict[str, _WeightText], Field(min_length=1)]
"""As the file may be written, for the JSON schema."""

ObjectiveField = Annotated[Objective, PlainValidator(_objective, json_schema_input_type=_ObjectiveText)]
