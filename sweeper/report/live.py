"""The view of a sweep while it runs: redrawn in place on a terminal, sparse lines elsewhere."""

import time
from collections.abc import Sequence
from types import TracebackType

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sweeper.events import Event, TrialAsked
from sweeper.report.objective import objective_heading, objective_text, objective_value
from sweeper.report.plain import line_for, work_line_for
from sweeper.report.progress import SweepProgress, TrialProgress, apply, replay
from sweeper.report.table import heading, parameter_cells
from sweeper.report.text import duration, score
from sweeper.report.time_left import time_left
from sweeper.report.work import work_line

_TRIALS_SHOWN = 10
_LINE_SECONDS = 60.0
"""A log gets a line at least this often while there is something to tell."""

_WORK_SECONDS = 300.0
"""A log is told what all trials do together this often, and where a wave or the sweep has ended."""


class LiveView:
    """Takes events and shows where the sweep stands.

    `searched` are the parameters worth a column, for they differ between trials.

    Example:
        with LiveView(SweepProgress("tickets", total_trials=8), ["learning_rate"], Console()) as view:
            for event in events:
                view.apply(event)
    """

    def __init__(self, progress: SweepProgress, searched: list[str], console: Console) -> None:
        self.progress = progress
        self._searched = searched
        self._console = console
        self._last_line_time = 0.0
        self._last_work_time: float | None = None
        self._last_wave = 0
        self._live = (
            Live(console=console, get_renderable=self.draw, refresh_per_second=2, transient=True)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> "LiveView":
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def resume(self, events: Sequence[Event]) -> None:
        """Takes the events of earlier starts, of which nothing is told again."""
        self.progress = replay(self.progress, events)
        waves = [event.wave for event in events if isinstance(event, TrialAsked)]
        self._last_wave = max(waves, default=0)

    def apply(self, event: Event) -> None:
        """Takes one event; on a terminal the next redrawing shows it."""
        before, self.progress = self.progress, apply(self.progress, event)
        if self._live:
            return
        is_due = event.time - self._last_line_time >= _LINE_SECONDS
        line = line_for(event, before, self.progress, self._searched, is_due)
        if line is not None:
            self._last_line_time = event.time
            self.say(line)
        self._tell_work(event, before)

    def _tell_work(self, event: Event, before: SweepProgress) -> None:
        if self._last_work_time is None:
            self._last_work_time = event.time
        is_due = event.time - self._last_work_time >= _WORK_SECONDS
        line = work_line_for(event, before, self.progress, self._last_wave, is_due)
        if isinstance(event, TrialAsked):
            self._last_wave = max(event.wave, self._last_wave)
        if line is not None:
            self._last_work_time = event.time
            self.say(line)

    def say(self, line: str) -> None:
        """Puts a line above the view, to stay."""
        self._console.print(Text(line), soft_wrap=True)

    def draw(self) -> RenderableType:
        """What a terminal shows now."""
        return snapshot(self.progress, self._searched)


def snapshot(progress: SweepProgress, searched: list[str]) -> RenderableType:
    """Where a sweep stands at this moment: its last trials and the best, scores and time left."""
    work = work_line(progress.work)
    lines = [] if work is None or progress.is_over else [Text(work)]
    return Group(_table(progress, searched), *lines, _footer(progress, time.time()))


def _table(progress: SweepProgress, searched: list[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=_title(progress), title_justify="left", title_style="bold")
    table.add_column("trial", justify="right")
    table.add_column("state")
    table.add_column("done", justify="right")
    table.add_column("loss", justify="right")
    has_eval = any(trial.eval_loss is not None for trial in progress.trials.values())
    if has_eval:
        table.add_column("eval_loss", justify="right")
    table.add_column(f"score ({progress.suite or 'dev'})", justify="right")
    chosen_by = objective_heading(progress)
    if chosen_by is not None:
        table.add_column(heading(chosen_by), justify="right")
    for name in searched:
        table.add_column(heading(name), justify="right")
    for trial in _shown(progress):
        losses = (trial.loss, trial.eval_loss) if has_eval else (trial.loss,)
        loss_cells = ["" if loss is None else f"{loss:.3f}" for loss in losses]
        cells = [] if chosen_by is None else [objective_value(progress, trial)]
        cells += parameter_cells(trial, searched)
        style = "bold" if trial == progress.best else None
        table.add_row(
            str(trial.number),
            trial.state,
            _done(trial),
            *loss_cells,
            score(trial.score),
            *cells,
            style=style,
        )
    return table


def _title(progress: SweepProgress) -> str:
    of_all = f" of {progress.total_trials}" if progress.total_trials else ""
    return f"{progress.name}: {progress.finished_count}{of_all} trials finished"


def _shown(progress: SweepProgress) -> list[TrialProgress]:
    """The last trials, and the best one wherever it stands."""
    trials = [progress.trials[number] for number in sorted(progress.trials)]
    shown = trials[-_TRIALS_SHOWN:]
    best = progress.best
    return shown if best is None or best in shown else [best, *shown[1:]]


def _done(trial: TrialProgress) -> str:
    if trial.state == "scoring":
        return f"{trial.cases_answered}/{trial.cases} cases"
    if trial.state in ("training", "paused", "pruned") and trial.total_examples:
        return f"{100 * trial.examples // trial.total_examples} %"
    return ""


def _footer(progress: SweepProgress, now: float) -> Text:
    base, best, left = progress.base, progress.best, time_left(progress, now)
    parts = [f"base {score(base.score)}"]
    if base.state == "scoring":
        parts = [f"scoring the base: {base.cases_answered}/{base.cases} cases"]
    if best is not None:
        found = f"{objective_text(progress, best)} (trial {best.number})"
        parts.append(f"best of {progress.finished_count} tried {found}")
    if left.trial is not None:
        parts.append(f"this trial {duration(left.trial)} left")
    if left.sweep is not None:
        parts.append(f"all {duration(left.sweep)} left")
    return Text("   ".join(parts))
