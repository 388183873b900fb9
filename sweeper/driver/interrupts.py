"""Ctrl-C in good order: the first one asks to save and stop, the second stops at once."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType


class Interrupts:
    """While it is entered, the first SIGINT sets `asked` and calls `on_first`; later ones raise
    KeyboardInterrupt. Outside of the main thread, where no handler can be set, it does nothing.

    `on_first` runs inside the signal handler: it must not wait for anything.
    """

    def __init__(self) -> None:
        self.asked = False
        self.on_first: Callable[[], None] = lambda: None
        self._before: object = None

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)  # type: ignore[arg-type]

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self.on_first()
