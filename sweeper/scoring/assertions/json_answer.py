"""Assertions on answers that are JSON, read strictly: nothing before it, nothing after it."""

import json
import math
from collections.abc import Iterator
from typing import Any

from sweeper.scoring.assertions.kind import Asked, Context, Kind, Verdict, missing, nothing
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.wording import KeyPath, dotted, shown


class NotJson(ValueError):
    """Why a text is no JSON, in a few words."""


def parse(answer: str) -> Any:
    """The JSON value that the whole answer is. Raises NotJson, also for numbers beyond a double's range.
    NaN and Infinity are no JSON."""
    try:
        return json.loads(answer, parse_constant=_refuse_constant, parse_float=_finite)
    except NotJson:
        raise
    except json.JSONDecodeError as error:
        raise NotJson(f"is no JSON ({error.msg} at character {error.pos + 1})") from None
    except RecursionError:
        raise NotJson("is JSON that is nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits
        raise NotJson(f"is no JSON that can be read ({error})".replace("\n", " ")[:200]) from None


def is_json(asked: Asked, value: None) -> Verdict:
    try:
        parse(asked.answer)
    except NotJson as error:
        return Verdict(0.0, str(error))
    return Verdict(1.0, "is JSON")


def read_fields(value: Any, context: Context) -> Any:
    """An object, or its JSON text; `expected` where no value is given."""
    given = value if value is not None else context.expected
    if isinstance(given, str):
        if not given.strip():
            raise missing()
        try:
            given = parse(given)
        except NotJson as error:
            raise BrokenRule(str(error), "Write the fields as a mapping, or as JSON") from None
    if not isinstance(given, dict) or not given:
        raise BrokenRule(f"is {shown(given)}, must be a mapping of fields", "Write `value: {key: ...}`")
    try:
        return json.loads(json.dumps(given, allow_nan=False))
    except ValueError:
        raise BrokenRule("holds a number that JSON does not know", "Write finite numbers") from None


def json_fields(asked: Asked, value: dict[str, Any]) -> Verdict:
    """The share of the wanted fields, nested ones each by itself, that the answer has right.

    Fields that are not wanted do not count; a json-schema can forbid them.
    """
    try:
        found = parse(asked.answer)
    except NotJson as error:
        return Verdict(0.0, str(error))
    wanted = list(_leaves(value, ()))
    wrong = [key_path for key_path, leaf in wanted if not _has(found, key_path, leaf)]
    right = len(wanted) - len(wrong)
    told = f"; wrong: {', '.join(dotted(key_path) for key_path in wrong[:5])}" if wrong else ""
    return Verdict(right / len(wanted), f"{right} of {len(wanted)} fields right{told}")


def _refuse_constant(name: str) -> Any:
    raise NotJson(f"is no JSON ({name} is no JSON number)")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise NotJson("is JSON with a number that is too large")
    return number


def _leaves(value: Any, key_path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Every field with what it is to be. Lists, and empty objects, are wanted whole."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*key_path, key))
    else:
        yield key_path, value


def _has(found: Any, key_path: KeyPath, wanted: Any) -> bool:
    for key in key_path:
        if not isinstance(found, dict) or key not in found:
            return False
        found = found[key]
    return same(found, wanted)


def same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: 1 is 1.0, and true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-12)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


KINDS = {"is-json": Kind(nothing, is_json), "json-fields": Kind(read_fields, json_fields)}
