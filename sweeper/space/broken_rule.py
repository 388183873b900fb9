"""A rule that a value breaks, raised where the file and the line are not known."""

from sweeper.space.wording import KeyPath


class BrokenRule(ValueError):
    """What is wrong and how to mend it. Whoever knows the file turns it into an InputError.

    Pydantic validators raise it as well. `problem` goes on from the key's name: "is 0, must be at
    least 1". `at` are the keys from the value checked down to the one that is wrong, empty where it
    is the value itself; `at_key` says that the key is to blame.
    """

    def __init__(self, problem: str, fix: str, at: KeyPath = (), at_key: bool = False) -> None:
        self.problem = problem
        self.fix = fix
        self.at = at
        self.at_key = at_key
        super().__init__(f"{problem}. {fix}")

    def under(self, *keys: str | int) -> "BrokenRule":
        """The same, seen from a value that holds this one under `keys`."""
        return BrokenRule(self.problem, self.fix, (*keys, *self.at), self.at_key)
