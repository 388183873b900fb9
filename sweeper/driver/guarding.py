"""Has base and winner answer the guard suites when the search is over."""

from collections.abc import Sequence

from sweeper.driver.books import Books
from sweeper.events import BASE_TRIAL, SuiteScored, TrialCompleted
from sweeper.scoring.degradation import ShownTrial
from sweeper.scoring.fingerprint import suite_fingerprint
from sweeper.scoring.guard import guard_answers, next_to_ask
from sweeper.scoring.suite import Suite
from sweeper.workers.crew import Crew


class Guarding:
    """What is still to be asked, by the log. Costs nothing where the space names no guard suite."""

    def __init__(self, dev: str, suites: Sequence[Suite], books: Books) -> None:
        """`dev` is the suite by whose score trials are held against each other."""
        self._books, self._dev = books, dev
        self._fingerprints = [suite_fingerprint(suite) for suite in suites]
        self._names = " and ".join(suite.name for suite in suites)
        self._asked: set[int] = set()
        self._is_given_up = False

    def next(self) -> int | None:
        """The trial, or the base, that is to answer next."""
        winner = self._winner() if self._fingerprints and not self._is_given_up else None
        if winner is None:
            return None
        # At most a few times a sweep: so the log is read and not kept.
        scored = [event for _, event in self._books.log.read() if isinstance(event, SuiteScored)]
        trials = [self._shown(number) for number in self._complete()]
        return next_to_ask(self._fingerprints, guard_answers(scored), self._shown(winner), trials)

    def hand_out(self, crew: Crew) -> bool:
        """Gives an idle worker what is next; false where nothing is."""
        number = self.next()
        if number in self._asked:
            self.give_up("its file changed meanwhile")
            return False
        if number is None:
            return False
        self._asked.add(number)
        whom = "the base" if number == BASE_TRIAL else f"trial {number}"
        self._books.view.say(f"Asking {self._names} of {whom}: has it kept what the base can?")
        crew.score_guard(number)
        return True

    def give_up(self, reason: str) -> None:
        """The sweep's result stands without it; the next start tries again."""
        self._is_given_up = True
        self._books.view.say(f"{self._names} could not be asked: {reason}")

    def _winner(self) -> int | None:
        """The complete trial with the highest objective, of equal ones the first."""
        return max(
            self._complete(), key=lambda number: (self._end_of(number).objective, -number), default=None
        )

    def _complete(self) -> list[int]:
        trials = self._books.standing.trials.items()
        return [number for number, trial in trials if isinstance(trial.end, TrialCompleted)]

    def _shown(self, number: int) -> ShownTrial:
        trial = self._books.standing.trials[number]
        last = trial.rungs[max(trial.rungs)].examples if trial.rungs else 0
        return ShownTrial(number, trial.config, trial.scores.get(self._dev) or 0.0, last)

    def _end_of(self, number: int) -> TrialCompleted:
        end = self._books.standing.trials[number].end
        assert isinstance(end, TrialCompleted), "only complete trials are asked for"
        return end
