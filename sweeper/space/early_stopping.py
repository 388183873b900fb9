"""When a trial ends before its last step because its validation loss says so, as a space file says it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EarlyStoppingSettings:
    """At least one of `patience` and `overfit` is set; None is no such rule.

    `patience` is a number of evaluations in a row, none of which is better than the best before it by
    more than `threshold` nats (early_stopping_patience and early_stopping_threshold of transformers'
    EarlyStoppingCallback). `overfit` is the share by which eval_loss may lie above its best.
    """

    patience: int | None = None
    threshold: float = 0.0
    overfit: float | None = None
