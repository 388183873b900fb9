"""How surely the model would have written the expected answer: scored without an answer."""

import math
from typing import Any

from sweeper.scoring.assertions.kind import Asked, Context, Kind, Verdict
from sweeper.scoring.suite import TARGET_LOSS
from sweeper.space.broken_rule import BrokenRule


def read_nothing(value: Any, context: Context) -> None:
    """The case's `expected` is what counts, and nothing else can be named."""
    if value is not None:
        raise BrokenRule("has no meaning here: it is the loss of `expected`", "Remove it", at_key=True)
    if not context.expected.strip():
        problem = "is the loss of the case's `expected`, which it does not have"
        raise BrokenRule(problem, "Add `expected` to the case", at_key=True)


def likelihood(asked: Asked, value: None) -> Verdict:
    """exp(-loss), which is the geometric mean of the probabilities of the expected answer's tokens."""
    if asked.loss is None:
        return Verdict(0.0, "the loss was not measured: Ollama does not tell it")
    if not math.isfinite(asked.loss):
        return Verdict(0.0, f"the loss is {asked.loss}")
    return Verdict(math.exp(-max(asked.loss, 0.0)), f"loss {asked.loss:.4g} per token of the expected answer")


KINDS = {TARGET_LOSS: Kind(read_nothing, likelihood)}
