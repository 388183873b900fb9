"""One step stands for a cohort of different trials: above each of them, and below as many bases."""

from dataclasses import replace

from sweeper.memory.cohort_step import cohort_steps
from sweeper.memory.predict import predict
from sweeper.memory.settings import EngineStep
from tests.memory.small import SMALL

LONG = EngineStep(layout="packed", seq_length=256, prompt_length=200, lora_rank=4, optim="adamw_8bit")
WIDE = EngineStep(layout="packed", seq_length=64, prompt_length=2, lora_rank=32, target_modules=("q_proj",))


def test_each_size_is_the_largest_of_any() -> None:
    (step,) = cohort_steps([LONG, WIDE], 8)
    assert step == EngineStep(
        layout="packed", seq_length=256, prompt_length=194, lora_rank=32, optim="adamw_torch", cohort=2
    )


def test_who_cannot_train_side_by_side_is_apart() -> None:
    others = [replace(LONG, layout="padded"), replace(LONG, gradient_checkpointing=True)]
    assert cohort_steps([LONG, LONG, LONG, *others], 2) == [replace(LONG, cohort=2), *others]


def test_its_peak_is_above_each_cohort_of_equals_and_below_that_of_bases_apart() -> None:
    peaks = [predict(SMALL, replace(step, cohort=2)).predicted_bytes for step in (LONG, WIDE)]
    (merged,) = cohort_steps([LONG, WIDE], 2)
    together = predict(SMALL, merged).predicted_bytes
    apart = 2 * predict(SMALL, replace(merged, cohort=1)).predicted_bytes
    assert max(peaks) <= together < apart
