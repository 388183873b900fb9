"""A sweep's result for programs. The keys are a promise: add some, rename none."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweeper.report.guard import GuardFinding, guard_findings
from sweeper.report.on_test import gain_on_test
from sweeper.report.progress import SweepProgress, TrialProgress
from sweeper.report.ties import tied_trials
from sweeper.scoring.degradation import advice
from sweeper.scoring.looks import Look, count_looks
from sweeper.scoring.pairing import compare_answers, paired
from sweeper.scoring.statistics import Comparison


def as_json(progress: SweepProgress, folder: Path) -> dict[str, Any]:
    """Plain values for json.dumps. `folder` is the sweep's, which adapters are relative to.

    name: str; suite: str | None; base_score: float | None; best: a trial | None; trials: by number.
    A trial: trial: int; state: str; score: float | None; parameters: dict; adapter: str | None;
    reason: str | None, why it ended before its last step; eval_loss: float | None, the last one;
    rung: int | None, the last one reached, from 0; target_loss: float | None, there;
    objective: float | None, for complete ones, higher is better. `score` is on `suite`; `best` is the
    best by objective; chosen_by: str, what that is made of.

    gain: the best over the base on that suite, None where no case has a score of both: difference: float;
    interval: [low, high], 95 %; p_value: float; cases, clusters: int; is_settled: bool;
    cases_to_settle: int | None. cases: per case its id, and the scores of base and best. tied: numbers
    of the trials that those cases cannot tell from the best, which is among them, the cheapest first.

    guard: per guard suite that base and best answered: suite: str; verdict: degraded, kept or unclear;
    base_score, score: float; gain: as above; advice: list[str], what helps where it is degraded.
    """
    best = progress.best
    gain = compare_answers(progress.base.answers, best.answers) if best else None
    cases = paired(progress.base.answers, best.answers) if best else []
    return {
        "name": progress.name,
        "suite": progress.suite,
        "base_score": progress.base.score,
        "best": _trial(best, folder) if best else None,
        "trials": [_trial(progress.trials[number], folder) for number in sorted(progress.trials)],
        "gain": comparison_json(gain) if gain else None,
        "guard": [_guard(found) for found in guard_findings(progress)],
        "tied": [trial.number for trial in tied_trials(progress)],
        "chosen_by": progress.objective,
        "cases": [{"case": pair.case_id, "base": pair.base, "best": pair.other} for pair in cases],
    }


def _guard(found: GuardFinding) -> dict[str, Any]:
    return {
        "suite": found.suite,
        "verdict": found.verdict,
        "base_score": found.base_score,
        "score": found.winner.guard_score,
        "gain": comparison_json(found.comparison),
        "advice": advice(found.winner, found.trials) if found.verdict == "degraded" else [],
    }


def json_of_test(looks: Sequence[Look]) -> dict[str, Any] | None:
    """The last look at a trial on test: trial, suite, score, gain over the base (or None), looks so far."""
    found = gain_on_test(looks)
    if found is None:
        return None
    look, gain = found
    return {
        "trial": look.trial,
        "suite": look.suite,
        "score": look.score,
        "gain": comparison_json(gain) if gain else None,
        "looks": count_looks(looks),
    }


def comparison_json(found: Comparison) -> dict[str, Any]:
    """A comparison as plain values, with its verdict."""
    plain = dataclasses.asdict(found)
    return {
        **plain,
        "interval": [found.interval.low, found.interval.high],
        "is_settled": found.is_settled,
    }


def _trial(trial: TrialProgress, folder: Path) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "state": trial.state,
        "score": trial.score,
        "parameters": dataclasses.asdict(trial.config) if trial.config else {},
        "adapter": str(folder / trial.adapter) if trial.adapter else None,
        "reason": trial.reason,
        "rung": trial.rung,
        "target_loss": trial.target_loss,
        "objective": trial.objective,
        "eval_loss": trial.eval_loss,
    }
