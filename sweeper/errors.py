"""The errors a user sees. Only cli/ prints them, each as one line."""


class SweepError(Exception):
    """Root of all errors that sweeper raises on purpose.

    `exit_code` is what the process ends with: 1 where work was done and failed, 2 where the user
    can mend the input or the surroundings and nothing was changed.
    """

    exit_code = 1


class InputError(SweepError):
    """Bad input: a place, what is wrong there and by which rule, and the fix."""

    exit_code = 2

    def __init__(self, place: str, problem: str, fix: str) -> None:
        self.place = place
        self.problem = problem
        self.fix = fix
        end = "" if fix.endswith("?") else "."
        super().__init__(f"{place}: {problem}. {fix}{end}")

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str, str]]:
        """Errors cross from the worker's process to the driver's."""
        return type(self), (self.place, self.problem, self.fix)


class UnavailableError(SweepError):
    """Something outside is needed and not there: a server, a lock, a download. Nothing was changed."""

    exit_code = 2


class TrainingError(SweepError):
    """A trial or its worker could not go on."""


class WorkerOutOfMemory(TrainingError):
    """Linux ended the worker because the machine's memory ran out."""


class ProofError(SweepError):
    """A promoted model did not behave as the trained one; the live model was left as it was."""


class Interrupted(SweepError):
    """The user stopped it. Says what is kept and how to go on."""

    exit_code = 130  # 128 + SIGINT, as shells have it
