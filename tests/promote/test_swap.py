"""From every state of the names, and with death after every copy, a swap and a rollback end right."""

import itertools
from collections.abc import Callable

import pytest

from sweeper.promote.swap import Move, Names, is_rolling_back, next_rollback, next_swap


def walk(names: Names, step: Callable[[Names], Move | None], steps: int = 20) -> list[Names]:
    """The states gone through, the first one included."""
    states = [names]
    while (move := step(states[-1])) is not None:
        states.append(states[-1].after(move))
        assert len(states) <= steps, f"no end: {states}"
    return states


STATES = [
    Names(live, first, second)
    for live, first, second in itertools.product(("A", "B", "C", None), repeat=3)
    if not (first is None and second is not None)
]


@pytest.mark.parametrize("names", STATES, ids=str)
def test_a_swap_keeps_the_last_two(names: Names) -> None:
    end = walk(Names(names.live, names.first, names.second, candidate="D"), next_swap)[-1]
    assert end.live == "D"
    if names.live is not None:
        assert end.first == names.live
    if names.live is not None and names.live != names.first and names.first is not None:
        assert end.second == names.first


def test_a_swap_to_the_same_model_moves_nothing() -> None:
    assert next_swap(Names("A", "B", "C", candidate="A")) is None


@pytest.mark.parametrize("names", STATES, ids=str)
def test_a_swap_that_dies_between_two_copies_goes_on_to_the_same_end(names: Names) -> None:
    states = walk(Names(names.live, names.first, names.second, candidate="D"), next_swap)
    for broken_off in states:
        assert broken_off.live in (names.live, "D")
        assert walk(broken_off, next_swap)[-1] == states[-1]


@pytest.mark.parametrize("names", [names for names in STATES if names.live is not None], ids=str)
def test_a_rollback_takes_the_last_other_model_and_loses_none(names: Names) -> None:
    others = [kept for kept in (names.first, names.second) if kept not in (None, names.live)]
    end = walk(names, next_rollback)[-1]
    assert end.live == (others[0] if others else names.live)
    assert {end.live, end.first, end.second} >= {names.live, *others}
    if others:
        assert names.live in (end.first, end.second)
        assert end.first != end.live


@pytest.mark.parametrize("names", [names for names in STATES if names.live is not None], ids=str)
def test_a_rollback_that_dies_between_two_copies_goes_on_to_the_same_end(names: Names) -> None:
    states = walk(names, next_rollback)
    for broken_off in states[:-1]:
        assert is_rolling_back(broken_off) == (broken_off.live != names.live)
        assert walk(broken_off, next_rollback)[-1] == states[-1]


def test_going_back_again_and_again_comes_round() -> None:
    names, seen = Names("D", "C", "B"), []
    for _ in range(3):
        end = walk(names, next_rollback)[-1]
        names = Names(end.live, end.first, end.second)  # the leaving one is removed at the end
        seen.append(names.live)
    assert seen == ["C", "B", "D"]
    assert names == Names("D", "C", "B")
