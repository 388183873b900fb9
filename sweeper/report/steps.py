"""A command's steps as they go on: one line that is redrawn on a terminal, a line per step elsewhere."""

import time
from types import TracebackType

from rich.console import Console
from rich.status import Status

from sweeper.report.text import duration


class StepsView:
    """`progress` is called with a step's name and the share of it that is done, where that is known.

    Example:
        with StepsView(Console()) as view:
            view.progress("merge", None)
            view.progress("upload", 0.5)
            view.tell("270 MB")
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step: str | None = None
        self._since = 0.0
        self._told: list[str] = []
        self._status: Status | None = console.status("") if console.is_terminal else None

    def __enter__(self) -> "StepsView":
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._end_step()
        if self._status:
            self._status.stop()

    def progress(self, step: str, share: float | None) -> None:
        """Tells that `step` goes on; a new one ends the step before."""
        if step != self._step:
            self._end_step()
            self._step, self._since = step, time.monotonic()
        if self._status:
            self._status.update(step if share is None else f"{step} {share:.0%}")

    def tell(self, result: str) -> None:
        """A result of the step that goes on, shown behind it."""
        self._told.append(result)
        if self._step is None:
            self._show_told()

    def _end_step(self) -> None:
        if self._step is not None:
            seconds = time.monotonic() - self._since
            self._console.print(f"  {self._step} ({duration(seconds)})", highlight=False)
        self._step = None
        self._show_told()

    def _show_told(self) -> None:
        for result in self._told:
            self._console.print(f"      {result}", highlight=False, markup=False)
        self._told.clear()
