"""A rule that a value breaks, raised where the file and the line are not known."""


class BrokenRule(ValueError):
    """What is wrong and how to mend it. Whoever knows the file turns it into an InputError.

    Pydantic validators raise it as well. `at` are the keys from the value checked down to the one
    that is wrong, empty where it is the value itself.
    """

    def __init__(self, problem: str, fix: str, at: tuple[str | int, ...] = ()) -> None:
        self.problem = problem
        self.fix = fix
        self.at = at
        super().__init__(f"{problem}. {fix}")
