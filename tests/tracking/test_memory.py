"""A trial whose memory ran out: MLflow shows it as one run, with the micro-batch that it went on with."""

from dataclasses import replace

from sweeper.events import StepTrained, TrialAsked, TrialStarted
from sweeper.space.trial_config import TrialConfig
from sweeper.tracking.standing import Standing


def test_a_smaller_micro_batch_begins_a_new_take_with_the_curve_so_far() -> None:
    standing = Standing()
    step = StepTrained(0, 2.0, 1, 4, 80, 0.5, 1e-4, 1.0)
    for event in (TrialAsked(0, 0.0, TrialConfig()), TrialStarted(0, 1.0, 1, 4, 1, 9, 36), step):
        standing.apply(event)
    standing.apply(TrialStarted(0, 3.0, 1, 4, 1, 9, 36, resumed_step=1))
    assert standing.of(0).take == 1
    standing.apply(TrialStarted(0, 3.0, 2, 2, 2, 9, 36, resumed_step=1))
    assert standing.of(0).take == 2
    assert standing.carried == [step]


def test_checkpointing_that_is_switched_on_begins_a_new_take() -> None:
    standing = Standing()
    plain = TrialStarted(0, 1.0, 1, 1, 4, 9, 36)
    for event in (TrialAsked(0, 0.0, TrialConfig(gradient_checkpointing=None)), plain):
        standing.apply(event)
    standing.apply(replace(plain, attempt=2, gradient_checkpointing=True))
    assert standing.of(0).take == 2
