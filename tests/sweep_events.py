"""The events of a small sweep, as a driver would log them: for tests of all that reads events.

Four trials on the suite "dev", after the base: 0 completes with 0.5, 1 diverges, 2 fails at its first
attempt and completes at its second with 0.75, 3 completes with 0.625.
"""

import math
from collections.abc import Iterator

from sweeper.events import (
    BASE_TRIAL,
    CaseAnswer,
    CasesAnswered,
    CheckpointSaved,
    DriverStarted,
    Event,
    RungReached,
    StepTrained,
    SuiteScored,
    TrialAsked,
    TrialCompleted,
    TrialDiverged,
    TrialFailed,
    TrialInfeasible,
    TrialPruned,
    TrialStarted,
)
from sweeper.space.trial_config import TrialConfig

START_TIME = 1_790_000_000.0
STEP_SECONDS = 2.0
CASES = 8
CASE_SECONDS = 0.5
BATCH = 8

CONFIGS = [
    TrialConfig(learning_rate=2e-4, lora_rank=8),
    TrialConfig(learning_rate=1e-2, lora_rank=16),
    TrialConfig(learning_rate=1e-05, lora_rank=32, target_modules=("q_proj", "v_proj")),
    TrialConfig(learning_rate=1e-3, lora_rank=8, num_train_epochs=None, max_steps=6, lora_alpha=12.5),
]


class Stream:
    """Makes events with a clock that only goes on where time would pass."""

    def __init__(self) -> None:
        self.time = START_TIME

    def score(self, trial: int, right: int) -> Iterator[Event]:
        for done in (CASES // 2, CASES):
            self.time += CASES / 2 * CASE_SECONDS
            yield CasesAnswered(trial, self.time, "dev", done, CASES)
        answers = tuple(
            CaseAnswer(f"case-{i}", f"Q{i}\nline", "yes" if i < right else "no", "yes", float(i < right))
            for i in range(CASES)
        )
        yield SuiteScored(trial, self.time, "dev", right / CASES, CASES * CASE_SECONDS, answers)

    def start(self, trial: int, attempt: int, steps: int, resumed: int = 0) -> Event:
        self.time += 1
        return TrialStarted(trial, self.time, attempt, BATCH // 2, 2, steps, steps * BATCH, resumed)

    def rung(self, trial: int, rung: int, step: int, value: float) -> Iterator[Event]:
        self.time += 1
        yield CheckpointSaved(trial, self.time, step)
        yield RungReached(trial, self.time, rung, step, step * BATCH, value)

    def steps(self, trial: int, count: int, loss: float = 2.0, first: int = 1) -> Iterator[Event]:
        for step in range(first, first + count):
            self.time += STEP_SECONDS
            done = step * BATCH
            yield StepTrained(
                trial, self.time, step, done, done * 50, loss / step, 1e-4 / step, 1.5 + 0.1 * step
            )

    def ask(self, trial: int) -> Event:
        return TrialAsked(trial, self.time, CONFIGS[trial])

    def complete(self, trial: int, right: int, steps: int) -> Iterator[Event]:
        yield from self.score(trial, right)
        adapter = f"trials/{trial:04d}/adapter"
        yield TrialCompleted(trial, self.time, right / CASES, adapter, steps * STEP_SECONDS)


def sweep_events(steps: int = 6) -> list[Event]:
    """The whole sweep; `steps` is what each trial has."""
    stream = Stream()
    events: list[Event] = [*stream.score(BASE_TRIAL, 0)]
    events += [stream.ask(0), stream.start(0, 1, steps), *stream.steps(0, steps)]
    events += stream.complete(0, 4, steps)
    events += [stream.ask(1), stream.start(1, 1, steps), *stream.steps(1, 2, loss=math.inf)]
    events += [
        *stream.steps(1, 1, loss=math.nan, first=3),
        TrialDiverged(1, stream.time, 3, "loss is nan at step 3"),
    ]
    events += [stream.ask(2), stream.start(2, 1, steps), *stream.steps(2, steps - 2)]
    events += [TrialFailed(2, stream.time, 1, "the worker was killed (signal 9)", final=False)]
    events += [stream.start(2, 2, steps), *stream.steps(2, steps, loss=1.5), *stream.complete(2, 6, steps)]
    events += [stream.ask(3), stream.start(3, 1, steps), *stream.steps(3, steps)]
    events += stream.complete(3, 5, steps)
    return events


def halving_events() -> list[Event]:
    """A wave of four with rungs at steps 2 and 6 of 6, over two drivers.

    0 goes on and completes with 0.5; 1 is pruned at the first rung; 2 is infeasible; 3 goes on, is cut
    off at step 5 after a checkpoint at 4, goes on from there under the second driver, is cut off again
    before it is scored, tells its last rung once more and completes with 0.75.
    """
    stream = Stream()
    events: list[Event] = [DriverStarted(BASE_TRIAL, stream.time), *stream.score(BASE_TRIAL, 0)]
    events += [stream.ask(trial) for trial in range(4)]
    for trial in (0, 1, 3):
        events += [
            stream.start(trial, 1, 6),
            *stream.steps(trial, 2),
            *stream.rung(trial, 0, 2, 2.0 + trial % 3),
        ]
        if trial == 1:
            events += [TrialInfeasible(2, stream.time, 1e9, "lacks 1 GB")]
    events += [stream.start(0, 1, 6, resumed=2), *stream.steps(0, 4, first=3), *stream.rung(0, 1, 6, 1.5)]
    events += stream.complete(0, 4, 6)
    events += [stream.start(3, 1, 6, resumed=2), *stream.steps(3, 2, first=3)]
    events += [CheckpointSaved(3, stream.time, 4), *stream.steps(3, 1, first=5)]
    stream.time += 3600
    events += [DriverStarted(BASE_TRIAL, stream.time), stream.start(3, 2, 6, resumed=4)]
    events += [*stream.steps(3, 2, loss=1.9, first=5), *stream.rung(3, 1, 6, 1.25)]
    events += [stream.start(3, 3, 6, resumed=6), *stream.rung(3, 1, 6, 1.25), *stream.complete(3, 6, 6)]
    events += [TrialPruned(1, stream.time, 0, "target_loss 3 was not among the lowest")]
    return events
