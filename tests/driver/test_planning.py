"""Plans within a limit, from standings alone; the predictor is a formula."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sweeper.driver.planning import Planner
from sweeper.events import Event, MemoryMeasured, TrialAsked, TrialOutOfMemory, TrialStarted
from sweeper.memory.plan import PlannedTrial
from sweeper.memory.plan_within import Infeasible, Limit
from sweeper.space.trial_config import TrialConfig
from sweeper.standing import Standing, standing_of

LENGTHS = (100, 40)


def predict(config: TrialConfig, rows: int) -> int:
    return 100 * config.lora_rank + 1000 * rows


def planned(planner: Planner, events: list[Event], number: int = 0) -> PlannedTrial | Infeasible:
    standing: Standing = standing_of(events)
    return planner.plan(standing.trials[number], standing)


def asked(number: int = 0, wave: int = 0, **settings: object) -> TrialAsked:
    config = TrialConfig(**{"lora_rank": 10, "effective_batch_size": 12, **settings})  # type: ignore[arg-type]
    return TrialAsked(number, 0.0, config, wave)


def size_of(plan: PlannedTrial | Infeasible) -> int:
    assert isinstance(plan, PlannedTrial)
    return plan.micro_batch_size


def test_the_largest_micro_batch_that_fits_divides_the_effective_batch() -> None:
    plan = planned(Planner(LENGTHS, Limit(6500, 0.0), predict), [asked()])
    assert isinstance(plan, PlannedTrial)
    assert (plan.micro_batch_size, plan.gradient_accumulation_steps, plan.predicted_bytes) == (4, 3, 5000)


def test_without_a_limit_nothing_is_predicted() -> None:
    plan = planned(Planner(LENGTHS), [asked()])
    assert isinstance(plan, PlannedTrial)
    assert (plan.micro_batch_size, plan.predicted_bytes) == (12, None)


def test_what_fits_with_no_micro_batch_is_infeasible_by_how_much() -> None:
    plan = planned(Planner(LENGTHS, Limit(1000, 0.0), predict), [asked()])
    assert isinstance(plan, Infeasible)
    assert plan.constraint == 1.0


def test_a_size_that_is_set_is_taken_or_refused() -> None:
    planner = Planner(LENGTHS, Limit(6500, 0.0), predict)
    given = {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 4}
    assert size_of(planned(planner, [asked(**given)])) == 3
    given["per_device_train_batch_size"] = 6
    assert isinstance(planned(planner, [asked(**given)]), Infeasible)


def test_out_of_memory_halves_until_one_row_is_left() -> None:
    planner, events = Planner(LENGTHS), [asked(), TrialStarted(0, 0.0, 1, 12, 1, 9, 9)]
    for expected in (6, 3, 1):
        events.append(TrialOutOfMemory(0, 0.0, 1, size_of(planned(planner, events)), "no memory"))
        assert size_of(planned(planner, events)) == expected
    events.append(TrialOutOfMemory(0, 0.0, 1, 1, "no memory"))
    plan = planned(planner, events)
    assert isinstance(plan, Infeasible)
    assert plan.predicted_bytes > plan.limit_bytes


def test_out_of_memory_with_a_size_that_is_set_is_infeasible() -> None:
    given = {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 4}
    events = [asked(**given), TrialOutOfMemory(0, 0.0, 1, 3, "no memory")]
    assert isinstance(planned(Planner(LENGTHS), events), Infeasible)


def test_checkpointing_that_is_left_open_is_on_where_nothing_fits_without() -> None:
    def predict_half(config: TrialConfig, rows: int) -> int:
        return predict(config, rows) // (2 if config.gradient_checkpointing else 1)

    def plan_in(limit_bytes: int) -> PlannedTrial | Infeasible:
        planner = Planner(LENGTHS, Limit(limit_bytes, 0.0), predict_half)
        return planned(planner, [asked(gradient_checkpointing=None)])

    roomy, narrow = plan_in(3500), plan_in(1700)
    assert isinstance(roomy, PlannedTrial)
    assert (roomy.micro_batch_size, roomy.config.gradient_checkpointing) == (2, False)
    assert isinstance(narrow, PlannedTrial)
    assert (narrow.micro_batch_size, narrow.config.gradient_checkpointing) == (2, True)
    assert plan_in(900) == Infeasible(1000, 900)


def test_checkpointing_that_is_left_open_is_tried_when_one_row_ran_out_of_memory() -> None:
    planner = Planner(LENGTHS)
    events: list[Event] = [asked(gradient_checkpointing=None)]
    ways = []
    for _ in range(6):
        plan = planned(planner, events)
        assert isinstance(plan, PlannedTrial)
        ways.append((plan.micro_batch_size, plan.is_checkpointed))
        events.append(TrialOutOfMemory(0, 0.0, 1, ways[-1][0], "no memory", None, None, ways[-1][1]))
    assert ways == [(12, False), (6, False), (3, False), (1, False), (12, True), (6, True)]
    events.append(TrialOutOfMemory(0, 0.0, 1, 1, "no memory", gradient_checkpointing=True))
    assert isinstance(planned(planner, events), Infeasible)


def test_what_was_measured_above_the_prediction_counts_from_the_next_wave_on() -> None:
    planner = Planner(LENGTHS, Limit(6500, 0.0), predict)
    events: list[Event] = [asked(0), asked(1), MemoryMeasured(0, 0.0, 4, 10_000, 5000)]
    assert size_of(planned(planner, events, 1)) == 4  # of the same wave
    events += [asked(2, wave=1)]
    later = planned(planner, events, 2)
    assert isinstance(later, PlannedTrial)
    assert (later.micro_batch_size, later.predicted_bytes) == (2, 6000)


def test_what_several_held_together_says_nothing_of_one() -> None:
    planner = Planner(LENGTHS, Limit(6500, 0.0), predict)
    together = MemoryMeasured(0, 0.0, 4, 10_000, 5000, cohort=2)
    assert size_of(planned(planner, [asked(0), asked(1), together, asked(2, wave=1)], 2)) == 4


def test_an_unmeasured_failure_held_more_than_the_limit_at_the_least() -> None:
    planner = Planner(LENGTHS, Limit(6000, 0.0), predict)
    events: list[Event] = [asked(0), TrialOutOfMemory(0, 0.0, 1, 4, "no memory", None, 5000)]
    events += [asked(1, wave=1)]
    plan = planned(planner, events, 1)
    assert isinstance(plan, PlannedTrial)
    assert (plan.micro_batch_size, plan.predicted_bytes) == (4, 6000)
    host = TrialOutOfMemory(0, 0.0, 1, 4, "Linux killed the worker")
    assert size_of(planned(planner, [asked(0), host, asked(1, wave=1)], 1)) == 4


def test_what_cannot_be_predicted_is_not_held_to_the_limit() -> None:
    def unpredictable(config: TrialConfig, rows: int) -> int:
        raise LookupError("no list of decoder layers")

    planner = Planner(LENGTHS, Limit(1000, 0.0), unpredictable)
    assert size_of(planned(planner, [asked()])) == 12
    assert planner.refusal == "LookupError: no list of decoder layers"


def at_once(*trials: PlannedTrial | Infeasible) -> list[PlannedTrial]:
    return [trial for trial in trials if isinstance(trial, PlannedTrial)]


def cohort_size(limit_bytes: int, largest: int, events: list[Event], shared: int | None = 3000) -> int:
    """Each trial is predicted 5,000 bytes alone with a micro-batch of 4, and `shared` more beside another."""
    predicted: list[int] = []

    def predict_cohort(trials: Sequence[PlannedTrial], count: int) -> int:
        assert len(trials) == 6
        predicted.append(count)
        if shared is None:
            raise RuntimeError("no such operator on fake tensors")
        return 5000 + shared * (count - 1)

    planner = Planner(LENGTHS, Limit(limit_bytes, 0.0), predict, predict_cohort)
    standing = standing_of(events)
    plans = [planner.plan(trial, standing) for trial in standing.trials.values()]
    six = [replace(plan, micro_batch_size=4, predicted_bytes=5000) for plan in at_once(*plans)][:6]
    found = planner.cohort_size(six, largest, standing)
    assert predicted == sorted(predicted, reverse=True)
    return found


SIX: list[Event] = [asked(number) for number in range(6)]


def test_a_cohort_grows_as_far_as_its_peak_on_one_base_fits() -> None:
    assert cohort_size(20_000, 4, SIX) == 4  # each with a base of its own
    assert cohort_size(19_999, 4, SIX) == 4  # 14,000 on one
    assert cohort_size(13_999, 4, SIX) == 2
    assert cohort_size(7_999, 4, SIX) == 1
    assert cohort_size(19_999, 8, SIX) == 3  # six, the most there are, are 20,000
    assert cohort_size(20_000, 8, SIX) == 6


@pytest.mark.parametrize("together", [1, 2])
def test_what_was_measured_counts_for_cohorts_too(together: int) -> None:
    measured = [*SIX, MemoryMeasured(0, 0.0, 4, 6000, 5000, together)]
    assert cohort_size(14_000, 4, SIX) == 4
    assert cohort_size(14_000, 4, measured) == 2


def test_where_a_cohort_cannot_be_predicted_each_is_given_room_for_a_base() -> None:
    assert cohort_size(12_000, 4, SIX, shared=None) == 2


def test_without_a_limit_a_cohort_is_as_large_as_it_was_measured() -> None:
    standing = standing_of(SIX)
    planner = Planner(LENGTHS)
    plans = at_once(*(planner.plan(trial, standing) for trial in standing.trials.values()))
    assert planner.cohort_size(plans, 8, standing) == 8
