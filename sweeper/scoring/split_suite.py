"""Dev and test out of one suite: cases that belong together stay together."""

import dataclasses
import hashlib
from collections.abc import Sequence

from sweeper.errors import InputError
from sweeper.scoring.suite import Case, Suite
from sweeper.space.evaluation_section import SplitSettings


def split_suite(suite: Suite, split: SplitSettings) -> tuple[Suite, Suite]:
    """Dev and test, called NAME-dev and NAME-test, each in the suite's order.

    Cases of one `group` go to one side, and so do cases without one that ask the same. Each piece has a
    place of its own, by a hash of the seed and of its name, and the first pieces are test until they hold
    the share: so a case that is added later moves at most the pieces at the border. Raises InputError
    where there is only one piece.
    """
    pieces: dict[str, list[Case]] = {}
    for case in suite.cases:
        pieces.setdefault(case.group or f"\0{case.text}", []).append(case)
    if len(pieces) < 2:
        raise InputError(
            str(suite.path),
            f"'{suite.name}' cannot be split: its cases are of one group or ask the same",
            "Add cases, or name a suite each under dev and test",
        )
    chosen = _chosen([(name, len(cases)) for name, cases in pieces.items()], split)
    test = {case.id for name in chosen for case in pieces[name]}
    return _part(suite, "dev", test, is_test=False), _part(suite, "test", test, is_test=True)


def _chosen(pieces: Sequence[tuple[str, int]], split: SplitSettings) -> list[str]:
    """The names of the pieces that are test; at least one is, and at least one is not."""
    wanted = split.test * sum(size for _, size in pieces)
    ordered = sorted(pieces, key=lambda piece: _place(piece[0], split.seed))
    chosen: list[str] = []
    count = 0
    for name, size in ordered[:-1]:
        if chosen and count + size / 2 > wanted:
            break
        chosen.append(name)
        count += size
    return chosen


def _place(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{name}".encode()).digest()


def _part(suite: Suite, use: str, test: set[str], is_test: bool) -> Suite:
    cases = tuple(case for case in suite.cases if (case.id in test) == is_test)
    return dataclasses.replace(suite, name=f"{suite.name}-{use}", cases=cases)
