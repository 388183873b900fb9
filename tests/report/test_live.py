"""The live view, on a terminal and in a log."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from sweeper.events import Event, StepTrained, TrialAsked, TrialCompleted, TrialStarted
from sweeper.report.live import LiveView
from sweeper.report.progress import SweepProgress
from tests.sweep_events import CONFIGS, Stream, halving_events, sweep_events


def log_lines(events: list[Event], past: list[Event] | None = None) -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    progress = SweepProgress("tickets", 4, counts_turned_away=True)
    with LiveView(progress, ["learning_rate", "lora_rank"], console) as view:
        view.resume(past or [])
        for event in events:
            view.apply(event)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def of_trials(lines: list[str]) -> list[str]:
    """Without what is told of all trials together."""
    return [line for line in lines if not line.startswith("all trials: ")]


def test_a_log_gets_few_lines_and_all_that_matters() -> None:
    lines = of_trials(log_lines(sweep_events(steps=400)))
    assert len(lines) < 80
    assert lines[0] == "base: 0.000 on dev (8 cases)"
    assert lines[1] == "trial 0 (0 of 4 finished) starts: learning_rate 0.0002, lora_rank 8"
    assert any(
        re.fullmatch(r"trial 0 \(0 of 4 finished\): 25 %, loss \d\.\d+, .* left", line) for line in lines
    )
    assert "trial 0 (1 of 4 finished) complete: 0.500, best so far" in lines
    assert "trial 1 (2 of 4 finished) diverged: loss is nan at step 3" in lines
    broke_off = (
        "trial 2 (2 of 4 finished) broke off and will be tried again: the worker was killed (signal 9)"
    )
    assert broke_off in lines
    assert any("starts, attempt 2" in line for line in lines)
    assert lines[-1] == "trial 3 (4 of 4 finished) complete: 0.625, best so far 0.750"
    assert not [line for line in lines if "\x1b" in line]


def test_a_quick_trial_gets_a_line_a_quarter() -> None:
    stream = Stream()
    events: list[Event] = [stream.ask(0), stream.start(0, 1, 16), *stream.steps(0, 16)]
    assert [line.split(": ")[1].split(",")[0] for line in log_lines(events)[1:]] == ["25 %", "50 %", "75 %"]


def test_a_slow_trial_gets_a_line_a_minute() -> None:
    stream = Stream()
    events: list[Event] = [stream.ask(0), stream.start(0, 1, 10_000), *stream.steps(0, 600)]
    assert len(of_trials(log_lines(events))[1:]) == pytest.approx(600 * 2 / 60, abs=1)


def test_a_log_is_told_every_five_minutes_what_all_trials_do() -> None:
    stream = Stream()
    events: list[Event] = [stream.ask(0), stream.start(0, 1, 10_000), *stream.steps(0, 600)]
    told = [line for line in log_lines(events) if line.startswith("all trials: ")]
    assert len(told) == 600 * 2 // 300
    assert told[-1] == "all trials: 1 slot, 200 tokens/s, 100% of the time training"


def test_a_log_is_told_it_where_a_wave_and_the_sweep_have_ended() -> None:
    events = halving_events()
    lines = log_lines(events)
    assert lines[-1].startswith("all trials: ")
    assert "slot" not in lines[-1]  # nobody trains any more
    assert "by halving" in lines[-1]
    next_wave = TrialAsked(4, events[-1].time, CONFIGS[0], wave=1)
    before = log_lines([*events[:-1]])
    after = log_lines([*events[:-1], next_wave, replace(next_wave, trial=5)])
    assert [line for line in after if line not in before] == [lines[-1].partition(", tokens saved")[0]]


def test_a_second_start_tells_only_what_is_new() -> None:
    events = sweep_events()
    half = next(place for place, event in enumerate(events) if isinstance(event, TrialCompleted)) + 1
    lines = of_trials(log_lines(events[half:], past=events[:half]))
    assert not [line for line in lines if line.startswith(("base", "trial 0"))]
    assert lines[-1] == "trial 3 (4 of 4 finished) complete: 0.625, best so far 0.750"


def terminal() -> Console:
    return Console(file=io.StringIO(), width=140, height=50, force_terminal=True, color_system=None)


def test_a_terminal_shows_trials_loss_best_and_time_left() -> None:
    events = sweep_events()
    third = max(place for place, event in enumerate(events) if isinstance(event, StepTrained)) - 2
    console = terminal()
    view = LiveView(SweepProgress("tickets", 4), ["learning_rate"], console)
    for event in events[:third]:
        view.apply(event)
    with console.capture() as capture:
        console.print(view.draw())
    shown = capture.get()
    assert "tickets: 3 of 4 trials finished" in shown
    assert "best of 3 tried 0.750 (trial 2)" in shown
    assert re.search(r"3 +training +50 % +0\.667", shown)
    assert "left" in shown


def test_a_terminal_keeps_the_best_in_sight_among_many() -> None:
    view = LiveView(SweepProgress("tickets", 40), [], terminal())
    for number in range(40):
        view.apply(TrialCompleted(number, 1.0 + number, 0.9 if number == 3 else 0.1, "adapter", 1.0))
    console = terminal()
    with console.capture() as capture:
        console.print(view.draw())
    rows = [line.split()[0] for line in capture.get().splitlines() if re.match(r" +\d+ +complete", line)]
    assert rows == ["3", *map(str, range(31, 40))]


def test_a_terminal_is_left_clean_after_an_error() -> None:
    console = terminal()

    def interrupted() -> None:
        with LiveView(SweepProgress("tickets", 4), [], console) as view:
            for event in sweep_events():
                view.apply(event)
            view.say("stopping")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert isinstance(console.file, io.StringIO)
    written = console.file.getvalue()
    assert "stopping" in written
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")


def test_any_stretch_of_events_can_be_drawn() -> None:
    console = terminal()
    view = LiveView(SweepProgress("tickets", 4), ["learning_rate", "max_steps"], console)
    for event in sweep_events():
        view.apply(event)
        console.print(view.draw())


def test_a_log_tells_rungs_pruning_and_going_on() -> None:
    lines = of_trials(log_lines(halving_events()))
    assert "trial 3 (0 of 4 finished) is at 33 %: target_loss 2.000" not in lines  # one is infeasible by then
    assert "trial 3 (1 of 4 finished) is at 33 %: target_loss 2.000" in lines
    assert "trial 0 (1 of 4 finished) goes on at 33 %" in lines
    assert "trial 3 (2 of 4 finished) goes on at 66 %, attempt 2" in lines
    assert "trial 2 (1 of 4 finished) infeasible: lacks 1 GB" in lines
    assert lines[-1] == "trial 1 (4 of 4 finished) pruned: target_loss 3 was not among the lowest"


def test_any_stretch_of_a_halving_can_be_drawn_and_shows_who_waits() -> None:
    console = terminal()
    view = LiveView(SweepProgress("tickets", 4, (1 / 3, 1.0), 0.5), ["learning_rate"], console)
    events = halving_events()
    resumed = next(i for i, e in enumerate(events) if isinstance(e, TrialStarted) and e.resumed_step) + 1
    for event in events[:resumed]:
        view.apply(event)
        console.print(view.draw())
    with console.capture() as capture:
        console.print(view.draw())
    assert re.search(r"1 +paused +33 %", capture.get())
    assert re.search(r"0 +training +33 %", capture.get())
    for event in events[resumed:]:
        view.apply(event)
        console.print(view.draw())
    assert [trial.state for trial in view.progress.trials.values()] == [
        "complete",
        "pruned",
        "infeasible",
        "complete",
    ]
