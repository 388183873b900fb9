"""The words follow the figures: a gain, a chance, a tie."""

import dataclasses

import numpy as np
import pytest

from sweeper.events import BASE_TRIAL, CaseAnswer, Event, SuiteScored, TrialAsked, TrialCompleted
from sweeper.report.comparison import verdict, verdict_lines
from sweeper.report.difference import difference
from sweeper.report.progress import SweepProgress, replay
from sweeper.report.ties import tied_trials
from sweeper.scoring.pairing import compare_answers, paired
from sweeper.scoring.statistics import Comparison, Interval, compare_paired
from sweeper.space.trial_config import TrialConfig

GAIN = Comparison(0.31, Interval(0.22, 0.4), 0.0001, 100, 100, 21)


def answers(scores: list[float]) -> tuple[CaseAnswer, ...]:
    return tuple(
        CaseAnswer(f"case-{number}", "asked", "answered", "expected", score)
        for number, score in enumerate(scores)
    )


def right(count: int, of: int = 100, first: int = 0) -> list[float]:
    return [float(first <= place < first + count) for place in range(of)]


def sweep(base: list[float], trials: list[tuple[list[float], TrialConfig]]) -> SweepProgress:
    events: list[Event] = [SuiteScored(BASE_TRIAL, 0.0, "dev", float(np.mean(base)), 1.0, answers(base))]
    for number, (scores, config) in enumerate(trials):
        mean = float(np.mean(scores))
        events += [
            TrialAsked(number, 0.0, config),
            SuiteScored(number, 0.0, "dev", mean, 1.0, answers(scores)),
            TrialCompleted(number, 0.0, mean, f"trials/{number:04d}/adapter", 1.0),
        ]
    return replay(SweepProgress("tickets"), events)


def test_a_gain_in_words() -> None:
    assert difference(GAIN) == "+0.31 over base, 95 % interval [0.22, 0.40], p < 0.001, n = 100"


@pytest.mark.parametrize(
    ("change", "end"),
    [
        ({"p_value": 0.0123}, "p = 0.01, n = 100"),
        ({"p_value": 0.0052}, "p = 0.005, n = 100"),
        ({"clusters": 20}, "n = 100 in 20 groups"),
        (
            {"interval": Interval(-0.02, 0.4), "cases_to_settle": 1600},
            "n = 100. The gain may be chance; about 1,600 cases would settle it",
        ),
        (
            {"difference": -0.31, "interval": Interval(-0.4, 0.02), "cases_to_settle": None},
            "n = 100. The loss may be chance; more cases would tell",
        ),
        (
            {"difference": 0.0, "interval": Interval(0.0, 0.0), "p_value": 1.0},
            "n = 100. There is no difference on these cases",
        ),
    ],
)
def test_what_the_end_says(change: dict[str, object], end: str) -> None:
    found = dataclasses.replace(GAIN, **change)  # type: ignore[arg-type]
    assert difference(found).endswith(end)


def test_small_differences_keep_a_third_digit() -> None:
    found = dataclasses.replace(GAIN, difference=0.004, interval=Interval(0.001, 0.007))
    assert difference(found, over="trial 3").startswith("+0.004 over trial 3, 95 % interval [0.001, 0.007]")


def test_the_best_of_many_is_told_as_one() -> None:
    progress = sweep(right(20), [(right(60), TrialConfig()), (right(90), TrialConfig())])
    [line] = verdict_lines(progress)
    assert line.startswith("dev 0.900 (best of 2 tried, so it flatters), +0.70 over base, 95 % interval [0.")
    assert line.endswith("p < 0.001, n = 100")
    assert "chance" not in line
    assert verdict(progress).plain == f"  {line}\n  test: not looked at yet\n"
    assert verdict(progress, has_test=False).plain == f"  {line}\n"
    [alone] = verdict_lines(sweep(right(20), [(right(60), TrialConfig())]))
    assert alone.startswith("dev 0.600 (the only one tried), +0.40 over base")


def test_two_equal_models_are_told_as_chance() -> None:
    """Planted: both are right with the same chance on each case, and the better draw is shown as a gain."""
    rng = np.random.default_rng(3)
    draws = sorted(((rng.random(100) < 0.6).astype(float).tolist() for _ in range(2)), key=sum)
    progress = sweep(draws[0], [(draws[1], TrialConfig())])
    [line] = verdict_lines(progress)
    assert ", +0.0" in line
    assert "The gain may be chance; about " in line


def test_identical_answers_are_told_as_no_difference() -> None:
    [line] = verdict_lines(sweep(right(50), [(right(50), TrialConfig())]))
    assert line.endswith("interval [0.000, 0.000], p = 1.00, n = 100. There is no difference on these cases")


def test_ties_are_shown_the_cheapest_first() -> None:
    costly, cheap = TrialConfig(lora_rank=64), TrialConfig(lora_rank=4)
    progress = sweep(right(0), [(right(92), costly), (right(40), cheap), (right(91, first=2), cheap)])
    assert progress.best is not None
    assert progress.best.number == 0
    assert [trial.number for trial in tied_trials(progress)] == [2, 0]
    assert verdict_lines(progress)[1] == (
        "Tied with trial 0, for these cases cannot tell them apart: trial 2. The cheapest of all is trial 2"
    )


def test_no_tie_where_the_best_stands_alone() -> None:
    progress = sweep(right(0), [(right(90), TrialConfig()), (right(60), TrialConfig())])
    assert tied_trials(progress) == []
    assert tied_trials(SweepProgress("tickets")) == []


def test_nothing_is_said_before_a_trial_is_complete() -> None:
    assert verdict_lines(sweep(right(10), [])) == []


def test_cases_are_paired_by_their_ids_whatever_their_order() -> None:
    base, other = answers([0.0, 1.0, 0.5]), answers([1.0, 1.0, 0.0])
    found = compare_answers(base[::-1], other)
    assert found == compare_paired([0.0, 1.0, 0.5], [1.0, 1.0, 0.0])
    assert [pair.case_id for pair in paired(base[:1], other)] == ["case-0"]
    assert compare_answers((), other) is None
