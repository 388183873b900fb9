"""Dev and test of one file: by the seed, no case on both sides, and what belongs together stays so."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from sweeper.errors import InputError
from sweeper.scoring.space_suites import space_suites
from sweeper.scoring.split_suite import split_suite
from sweeper.scoring.suite import Case, Suite
from sweeper.search.identity import identity_of
from sweeper.space.evaluation_section import SplitSettings
from sweeper.space.load import load_space
from tests.space.valid_space import VALID, write


def suite(groups: Sequence[str | None]) -> Suite:
    cases = tuple(Case(f"c{i}", "Ask", f"text {i}", "yes", group=group) for i, group in enumerate(groups))
    return Suite("s", Path("s.yaml"), cases, 8)


def ids(part: Suite) -> list[str]:
    return [case.id for case in part.cases]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.75])
def test_every_case_is_on_one_side(share: float) -> None:
    whole = suite([None] * 40)
    dev, test = split_suite(whole, SplitSettings(share, seed=3))
    assert sorted([*ids(dev), *ids(test)]) == sorted(ids(whole))
    assert len(test.cases) == 40 * share
    assert (dev.name, test.name) == ("s-dev", "s-test")
    assert ids(dev) == [case.id for case in whole.cases if case.id in set(ids(dev))]
    assert split_suite(whole, SplitSettings(share, seed=3)) == (dev, test)
    assert split_suite(whole, SplitSettings(share, seed=4)) != (dev, test)


def test_groups_and_copies_stay_together() -> None:
    whole = suite([f"g{i // 5}" for i in range(40)])
    dev, test = split_suite(whole, SplitSettings(0.5))
    assert not {case.group for case in dev.cases} & {case.group for case in test.cases}
    assert len(test.cases) == 20
    fresh = suite([None] * 20)
    paired = tuple(dataclasses.replace(case, input=f"{i // 2}") for i, case in enumerate(fresh.cases))
    copies = dataclasses.replace(fresh, cases=paired)
    dev, test = split_suite(copies, SplitSettings(0.5))
    assert not {case.text for case in dev.cases} & {case.text for case in test.cases}


def test_a_case_that_is_added_moves_at_most_one() -> None:
    split = SplitSettings(0.5, seed=1)
    before, after = (set(ids(split_suite(suite([None] * size), split)[1])) for size in (40, 41))
    assert len((before ^ after) - {"c40"}) <= 1


def test_each_side_has_a_case() -> None:
    for share in (0.01, 0.99):
        dev, test = split_suite(suite([None, None]), SplitSettings(share))
        assert (len(dev.cases), len(test.cases)) == (1, 1)
    with pytest.raises(InputError, match="'s' cannot be split: its cases are of one group or ask the same"):
        split_suite(suite(["g", "g"]), SplitSettings())


def test_a_space_may_name_one_file_for_both(tmp_path: Path) -> None:
    cases = "".join(f'{{"instruction": "{i}", "expected": "yes"}}\n' for i in range(10))
    split = "  split: {suite: dev.yaml, test: 0.3}\n  guard: none\n"
    text = VALID.replace("  dev: dev.yaml\n  test: test.yaml\n", split)
    path = write(tmp_path, text)
    (tmp_path / "cases.jsonl").write_text(cases)
    (tmp_path / "dev.yaml").write_text("name: tickets\ncases: cases.jsonl\n")
    (tmp_path / "train.jsonl").write_text('{"instruction": "a", "output": "b"}\n')
    space = load_space(path)
    found = space_suites(space)
    assert found.test is not None
    assert [(use, each.name, len(each.cases)) for use, each in found.by_use()] == [
        ("dev", "tickets-dev", 7),
        ("test", "tickets-test", 3),
    ]
    assert found.promoted_on == found.test
    path.write_text(text.replace("test: 0.3", "test: 0.3, seed: 1"))
    assert identity_of(load_space(path))["evaluation.dev"] != identity_of(space)["evaluation.dev"]
