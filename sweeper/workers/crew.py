"""Workers side by side: each is driven by a thread, and all they tell comes to one place, in turn."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from sweeper.errors import TrainingError
from sweeper.events import Event
from sweeper.memory.plan import Cohort
from sweeper.workers.worker import Emit, Worker, WorkerFacts


@dataclass(frozen=True, slots=True)
class Told:
    """A worker emitted an event and waits until `receipt` is set: when it is logged."""

    event: Event
    receipt: threading.Event


@dataclass(frozen=True, slots=True)
class Idle:
    """A worker has loaded, or has come back from what it was given: `cohort`, or something to score."""

    facts: WorkerFacts
    cohort: Cohort | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """A worker broke off and is gone. `cohort` is what it trained, None where it was given to score."""

    cohort: Cohort | None
    error: TrainingError


@dataclass(frozen=True, slots=True)
class Hopeless:
    """A worker met what no other worker would do better: bad input, a base that it cannot load."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Woken:
    """Somebody called `wake`."""


Message = Told | Idle | Broken | Hopeless | Woken


@dataclass(frozen=True, slots=True)
class _Base:
    """Score the base on dev."""


@dataclass(frozen=True, slots=True)
class _Guard:
    """Score a trial, or the base, on the guard suites."""

    trial: int


_Task = Cohort | _Base | _Guard


class _Closed(Exception):
    """The crew was closed while a worker waited for a receipt."""


@dataclass(eq=False)
class _Hand:
    worker: Worker
    make: Callable[[], Worker]
    tasks: SimpleQueue["_Task | None"] = field(default_factory=SimpleQueue)
    is_idle: bool = False


class Crew:
    """A worker of each of `makers`. Made, asked and closed from the driver's thread; `wake` from anywhere.

    Workers are made in that thread, since only the main one may set how signals are handled.
    """

    def __init__(self, makers: Sequence[Callable[[], Worker]]) -> None:
        self._messages: SimpleQueue[tuple[_Hand | None, Message]] = SimpleQueue()
        self._is_closed = threading.Event()
        self._hands = [self._hire(make) for make in makers]

    def idle(self) -> int:
        """How many workers have nothing to do."""
        return sum(hand.is_idle for hand in self._hands)

    def is_at_work(self) -> bool:
        """Whether any has, or loads."""
        return self.idle() < len(self._hands)

    def score_base(self) -> None:
        """Gives an idle worker the base to score. Raises StopIteration where none is idle."""
        self._give(_Base())

    def score_guard(self, trial: int) -> None:
        """Gives an idle worker a trial, or the base, to score on the guard suites. Raises StopIteration
        where none is idle."""
        self._give(_Guard(trial))

    def train(self, cohort: Cohort) -> None:
        """Gives an idle worker the cohort. Raises StopIteration where none is idle."""
        self._give(cohort)

    def wait(self, timeout_seconds: float | None = None) -> Message | None:
        """What comes next; None where nothing comes in time. The place of a broken worker is filled."""
        try:
            hand, message = self._messages.get(timeout=timeout_seconds)
        except Empty:
            return None
        if isinstance(message, Idle) and hand is not None:
            hand.is_idle = True
        elif isinstance(message, Broken) and hand is not None:
            hand.worker.close()
            self._hands[self._hands.index(hand)] = self._hire(hand.make)
        return message

    def wake(self) -> None:
        """Ends a `wait`. May be called from a signal handler."""
        self._messages.put((None, Woken()))

    def stop(self) -> None:
        """Asks every worker to save what it does and come back."""
        for hand in self._hands:
            hand.worker.stop()

    def close(self) -> None:
        """Ends all workers at once."""
        self._is_closed.set()
        for hand in self._hands:
            hand.tasks.put(None)
            hand.worker.close()
        while (message := self.wait_no_longer()) is not None:
            if isinstance(message, Told):
                message.receipt.set()

    def wait_no_longer(self) -> Message | None:
        """A message that is there already."""
        try:
            return self._messages.get_nowait()[1]
        except Empty:
            return None

    def _hire(self, make: Callable[[], Worker]) -> _Hand:
        hand = _Hand(make(), make)
        threading.Thread(target=self._work, args=(hand,), name="worker", daemon=True).start()
        return hand

    def _give(self, task: _Task) -> None:
        hand = next(hand for hand in self._hands if hand.is_idle)
        hand.is_idle = False
        hand.tasks.put(task)

    def _work(self, hand: _Hand) -> None:
        """A worker's thread, until it breaks or there is no more."""
        task: _Task | None = None
        try:
            facts = hand.worker.facts()
            self._messages.put((hand, Idle(facts)))
            while (task := hand.tasks.get()) is not None:
                match task:
                    case Cohort():
                        hand.worker.train(task, self._emit(hand))
                    case _Guard(trial):
                        hand.worker.score_guard(trial, self._emit(hand))
                    case _Base():
                        hand.worker.score_base(self._emit(hand))
                self._messages.put((hand, Idle(facts, task if isinstance(task, Cohort) else None)))
        except _Closed:
            return
        except TrainingError as error:
            cohort = task if isinstance(task, Cohort) else None
            self._messages.put((hand, Broken(cohort, error) if task is not None else Hopeless(error)))
        except Exception as error:  # raised again by the driver, in whose thread it can be told
            self._messages.put((hand, Hopeless(error)))

    def _emit(self, hand: _Hand) -> Emit:
        def emit(event: Event) -> None:
            receipt = threading.Event()
            self._messages.put((hand, Told(event, receipt)))
            while not receipt.wait(0.5):
                if self._is_closed.is_set():
                    raise _Closed
            if self._is_closed.is_set():
                raise _Closed

        return emit
