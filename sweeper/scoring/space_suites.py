"""All suites that a space names, read, each with what it is for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sweeper.errors import InputError
from sweeper.scoring.load_suite import load_suite, load_suites
from sweeper.scoring.split_suite import split_suite
from sweeper.scoring.suite import Suite
from sweeper.space.space import Space

Use = Literal["dev", "test", "guard"]


@dataclass(frozen=True, slots=True)
class SpaceSuites:
    """The first of `dev` steers the search; `guard` is for base and winner in the end."""

    dev: tuple[Suite, ...]
    test: Suite | None
    guard: tuple[Suite, ...]

    def by_use(self) -> Iterator[tuple[Use, Suite]]:
        """Dev before test before guard."""
        yield from (("dev", suite) for suite in self.dev)
        if self.test is not None:
            yield "test", self.test
        yield from (("guard", suite) for suite in self.guard)

    @property
    def promoted_on(self) -> Suite:
        """What a promoted model is asked: test, where there is one."""
        return self.test or self.dev[0]


def space_suites(space: Space) -> SpaceSuites:
    """Raises InputError for what is wrong with one, and where two of different files have one name."""
    guard = _load_guard(space.guard)
    if space.split is not None:
        dev, test = split_suite(load_suite(space.dev[0]), space.split)
        found = SpaceSuites((dev,), test, guard)
    else:
        first = load_suites([*space.dev, *([space.test] if space.test else [])])
        number = len(space.dev)
        found = SpaceSuites(first[:number], first[number] if space.test else None, guard)
    _refuse_same_names(found)
    return found


def _load_guard(paths: Sequence[Path]) -> tuple[Suite, ...]:
    """As they are; a guard suite may be a dev suite too, whose answers then are there already."""
    guard = load_suites(paths)
    for suite in guard:
        if not suite.is_scored:
            raise InputError(
                str(suite.path),
                f"no case of '{suite.name}' expects anything, and a guard suite is there to be scored",
                "Add `expected` or `assert` to its cases",
            )
    return guard


def _refuse_same_names(found: SpaceSuites) -> None:
    others = {suite.name: suite for use, suite in found.by_use() if use != "guard"}
    for suite in found.guard:
        other = others.get(suite.name)
        if other is not None and not other.path.samefile(suite.path):
            problem = f"the suite is called '{suite.name}', as {other.path} is"
            raise InputError(str(suite.path), problem, "Give one of them another `name`")
