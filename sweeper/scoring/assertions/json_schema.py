"""Whether an answer is JSON that a schema allows. By `jsonschema`, cut off from the network and from
patterns without end."""

from collections.abc import Iterator
from typing import Any

import regex
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.validators import extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from sweeper.scoring.assertions.json_answer import NotJson, parse
from sweeper.scoring.assertions.kind import Asked, Context, Kind, Verdict
from sweeper.scoring.assertions.pattern import TIMEOUT_SECONDS
from sweeper.space.broken_rule import BrokenRule
from sweeper.space.wording import KeyPath, shown

_LONGEST_REASON = 200


def read_schema(value: Any, context: Context) -> dict[str, Any]:
    """A JSON schema, by the draft that its $schema names, else 2020-12."""
    if not isinstance(value, dict) or not value:
        raise BrokenRule(f"is {shown(value)}, must be a JSON schema", "Write `value: {type: object}`")
    for key_path, key, each in _inner(value, ()):
        _check(key_path, key, each)
    validator = validator_for(value, default=Draft202012Validator)
    try:
        validator.check_schema(value)
    except SchemaError as error:
        at = tuple(error.absolute_path)
        problem = f"is no valid JSON schema ({_one_line(error.message)})"
        raise BrokenRule(problem, "Correct the schema", at) from None
    return value


def json_schema(asked: Asked, value: dict[str, Any]) -> Verdict:
    """The reason is the error that jsonschema holds for the most telling one."""
    try:
        answer = parse(asked.answer)
        error = best_match(_validator(value).iter_errors(answer))
    except NotJson as not_json:
        return Verdict(0.0, str(not_json))
    except TimeoutError:
        return Verdict(0.0, f"a pattern of the schema was still searching after {TIMEOUT_SECONDS:g} s")
    except (RecursionError, Unresolvable, ArithmeticError) as broken:
        told = "numbers too large" if isinstance(broken, ArithmeticError) else "a $ref without end or target"
        return Verdict(0.0, f"the schema cannot be applied: {told}")
    if error is None:
        return Verdict(1.0, "fits the schema")
    return Verdict(0.0, f"{error.json_path}: {_one_line(error.message)}"[:_LONGEST_REASON])


def _validator(schema: dict[str, Any]) -> Any:
    """An empty registry fetches nothing, so a $ref to an address cannot be resolved."""
    known: Any = validator_for(schema, default=Draft202012Validator)
    bounded = extend(known, {"pattern": _pattern})  # type: ignore[no-untyped-call]
    return bounded(schema, registry=Registry())


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """jsonschema's own keyword, but for the time that the search may take."""
    if validator.is_type(instance, "string") and not regex.search(pattern, instance, timeout=TIMEOUT_SECONDS):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _inner(value: Any, key_path: KeyPath) -> Iterator[tuple[KeyPath, str, Any]]:
    """Every value in a schema with its path and with the key that it stands under."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in pairs:
        yield (*key_path, key), str(key), each
        yield from _inner(each, (*key_path, key))


def _check(key_path: KeyPath, key: str, value: Any) -> None:
    """What check_schema leaves: patterns that do not compile or that nothing can stop, and references
    that lead outside."""
    if key == "patternProperties" and key_path[-2:-1] != ("properties",):
        fix = "Name the properties, or give `propertyNames` a pattern"
        raise BrokenRule("is not supported: its searches cannot be stopped", fix, key_path, at_key=True)
    if key == "$ref" and isinstance(value, str) and not value.startswith("#"):
        fix = "Put what it means under `$defs`, and write `$ref: '#/$defs/...'`"
        raise BrokenRule(f"is {shown(value)}, must point into this schema", fix, key_path)
    if key == "pattern" and isinstance(value, str):
        try:
            regex.compile(value)
        except regex.error as error:
            problem = f"is {shown(value)}, which is no regular expression ({error.msg})"
            raise BrokenRule(problem, "Correct it", key_path) from None


def _one_line(message: str) -> str:
    return " ".join(message.split())[:_LONGEST_REASON]


KINDS = {"json-schema": Kind(read_schema, json_schema)}
