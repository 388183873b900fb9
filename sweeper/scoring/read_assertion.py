"""Reads one assertion of a suite."""

from collections.abc import Mapping
from typing import Any

from sweeper.scoring.assertions.kind import Context
from sweeper.scoring.assertions.registry import ASSERTIONS
from sweeper.scoring.suite import Assertion
from sweeper.scoring.transforms import TRANSFORMS
from sweeper.scoring.variables import render_value
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.suggest import did_you_mean
from sweeper.space.wording import shown

_NOT = "not-"


def read_assertion(record: Any, variables: Mapping[str, Any], context: Context) -> Assertion:
    """The assertion of an AssertionRecord. Raises BrokenRule with the keys down to what is wrong.

    `not-TYPE` is TYPE with negate, as promptfoo has it. Texts in the value may hold {{variables}}.
    """
    name, negate = record.type, record.negate
    if name not in ASSERTIONS and name.startswith(_NOT):
        name, negate = name.removeprefix(_NOT), not negate
    if name not in ASSERTIONS:
        fix = did_you_mean(name, ASSERTIONS, f"Known: {', '.join(ASSERTIONS)}")
        raise BrokenRule(f"is {shown(record.type)}, an unknown assertion", fix, ("type",))
    for index, transform in enumerate(record.transform):
        if transform not in TRANSFORMS:
            fix = did_you_mean(transform, TRANSFORMS, f"Known: {', '.join(TRANSFORMS)}")
            raise BrokenRule(f"is {shown(transform)}, an unknown transform", fix, ("transform", index))
    try:
        value = ASSERTIONS[name].read(render_value(record.value, variables), context)
    except BrokenRule as broken:
        raise broken.under("value") from None
    return Assertion(name, value, record.weight, record.threshold, tuple(record.transform), negate)
